"""Aim made from run folders: the same run whoever writes it, and however often."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import PIL.Image
import pytest
from aim_reader import needs_aim, read_aim

from dsl.cli.track import main
from dsl.records.file_lock import FileLock
from dsl.records.metrics_log import MetricsLog
from dsl.records.run_folder import RunFolder
from dsl.tracking.add_runs import find_record_problem, find_runs
from dsl.tracking.aim_repository import known_run, remember_run
from dsl.tracking.aim_tracker import AimTracker

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTION = {
    "name": "quick",
    "config": "A = 1\n",
    "operative": "B = 2\n",
    "macros": {"SEED": 7},
    "hyperparameters": {"a": {"b": 3}},
    "environment": {},
}


def make_run(folder):
    with RunFolder.open(folder) as run:
        run.describe(**DESCRIPTION)
    MetricsLog(folder).close()
    return folder


def record(folder, *steps):
    """Epochs that end after so many environment steps, in place of all others."""
    (folder / "metrics.jsonl").unlink()
    jsonl = MetricsLog(folder)
    for epoch, step in enumerate(steps):
        metrics = {"eval/success_rate": step / 100, "time/wall_seconds": 60.0 * step}
        jsonl.log({"epoch": epoch, "env_steps": step, **metrics})
    jsonl.close()


def draw_pictures(folder):
    (folder / "pictures").mkdir()
    first, second = (PIL.Image.new("L", (4, 3), colour) for colour in (0, 200))
    first.save(folder / "pictures" / "rollout.png")
    film = {"save_all": True, "append_images": [second], "duration": 100, "loop": 0}
    first.save(folder / "pictures" / "rollout.gif", **film)


def track(*arguments):
    command = [sys.executable, "-m", "dsl.track", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def points(found):
    return found["metrics"]['success_rate {"subset": "eval"}']


@needs_aim
def test_real_aim_has_one_run_whoever_writes_it(tmp_path):
    folder = make_run(tmp_path / "runs" / "quick-001")
    draw_pictures(folder)
    record(folder, 0, 10, 20)
    (folder / "environment.json").write_text(json.dumps({"started": "2020-01-02T03:04:05+00:00"}))
    done = track(folder.parent, tmp_path / "nowhere")
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}/nowhere: is not there.\n")
    assert done.stdout == f"{folder}: 3 epochs in {folder.parent}/.aim\n"
    first = read_aim(folder.parent)
    assert points(first) == [[0, 10, 20], [0.0, 0.1, 0.2], [0, 1, 2]]
    start = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert first["times"] == [start, start + 20 * 60]

    # The run goes on, and is followed live.
    record(folder, 0, 10, 20, 30)
    AimTracker(folder).close()
    live = read_aim(folder.parent)
    assert points(live) == [[0, 10, 20, 30], [0.0, 0.1, 0.2, 0.3], [0, 1, 2, 3]]
    assert live["hash"] == first["hash"]

    # Aim is damaged, and made anew.
    (folder.parent / ".aim" / "run_metadata.sqlite").write_text("rubbish")
    done = track(folder)
    assert done.returncode == 2
    assert f"python -m dsl.track --rebuild {folder.parent}" in done.stderr
    assert track(folder, "--rebuild").returncode == 0
    rebuilt = read_aim(folder.parent)
    assert (folder.parent / ".aim-old-001" / "run_metadata.sqlite").read_text() == "rubbish"
    assert rebuilt | {"hash": ""} == live | {"hash": ""}

    # The run went back to a checkpoint and took other steps: those of before are gone.
    record(folder, 0, 10, 15)
    assert track(folder).returncode == 0
    assert points(read_aim(folder.parent)) == [[0, 10, 15], [0.0, 0.1, 0.15], [0, 1, 2]]


def test_runs_are_found_at_any_depth_and_once(tmp_path):
    runs = [make_run(tmp_path / "a" / f"r-{i}") for i in range(2)] + [make_run(tmp_path / "b")]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    paths = [tmp_path / name for name in (".", "a/r-0", "empty", "file")]
    assert find_runs(paths) == (
        runs,
        [
            f"{tmp_path}/empty: there is no run in it.",
            f"{tmp_path}/file: is a file; name a run folder.",
        ],
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("experiment.json", "{", "experiment.json is damaged (JSONDecodeError: "),
        ("experiment.json", "{}", "experiment.json is damaged (KeyError: 'name')."),
        ("metrics.jsonl", "[]\n", "metrics.jsonl is damaged (TypeError: "),
        ("metrics.jsonl", '{"env_steps": 1}\n', "metrics.jsonl is damaged (KeyError: 'epoch')."),
        ("config.gin", None, "config.gin is missing."),
    ],
)
def test_a_folder_that_is_damaged_is_named(tmp_path, capsys, name, content, said):
    folder = make_run(tmp_path / "run")
    assert find_record_problem(folder) is None
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    assert main([str(folder)]) == 2
    assert f"{folder}: {said}" in capsys.readouterr().err


def test_a_repository_that_is_being_written_is_left_alone(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    writer = FileLock(tmp_path / ".aim.lock")
    assert writer.acquire()
    assert main([str(folder), "--rebuild"]) == 2
    assert "it has one writer at a time. Try again when that has ended" in capsys.readouterr().err
    writer.release()
    assert not (tmp_path / ".aim").exists()


def test_a_copy_of_a_run_is_another_run(tmp_path):
    folder = make_run(tmp_path / "run")
    for name in ("first", "second"):
        remember_run(folder, name)
    (tmp_path / ".aim/meta/chunks/second").mkdir(parents=True)
    assert known_run(folder, tmp_path) == "second"
    assert known_run(folder, tmp_path / "elsewhere") is None
    assert known_run(folder.rename(tmp_path / "fork"), tmp_path) is None
    assert json.loads((tmp_path / "fork" / "experiment.json").read_text())["name"] == "quick"


@pytest.mark.parametrize("name", ["two\nlines", "a$b|c", "tab\t", os.fsdecode(b"bytes\xff")])
def test_a_folder_of_any_name_is_one_run(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (tmp_path / ".aim" / "meta" / "chunks" / "0a1b").mkdir(parents=True)
    remember_run(folder, "0a1b")
    assert known_run(folder, tmp_path) == "0a1b"
    assert len((folder / "aim_runs").read_text().splitlines()) == 1

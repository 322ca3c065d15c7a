"""A run that resumes: under which code, and what its folder says of it."""

import errno
import json
import math
import os
import shutil
from types import SimpleNamespace

import pytest
from probes import Line

from dsl.errors import RecordError, UsageError
from dsl.loop.run_position import RunPosition
from dsl.loop.schedule import make_schedule
from dsl.records import durable_files
from dsl.records.resume import Finished, mark_finished, read_finished
from dsl.records.run_folder import RunFolder
from dsl.training.run_job import RunJob

# No more of an experiment is needed before training starts.
EXPERIMENT = SimpleNamespace(
    schedule=lambda _: make_schedule(1_000, 4, 1, 10, 1, 0),
    total_env_steps=1_000,
    environment=Line(),
    evaluation_tasks={},
    eval_env=None,
    film=False,
)
DESCRIPTION = {
    "name": "toy",
    "config": "",
    "operative": "Experiment.seed = 1\n",
    "macros": {},
    "hyperparameters": {},
    "environment": {"source": {"revision": "a" * 40}, "versions": {"jax": "0.10"}},
    "words": {"loss.py": "SCALE = 1\n"},
}


def start(path, *, accept_changes=False, **changed):
    """Checks of a run folder before training."""
    with RunFolder.open(path) as folder:
        description = {**DESCRIPTION, **changed}
        RunJob(EXPERIMENT, description, folder, accept_changes=accept_changes).write_description()  # type: ignore[arg-type]
    return json.loads((path / "environment.json").read_text())


def contents(folder):
    return {p: p.read_text() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def test_changed_own_words_are_refused_and_nothing_is_touched(tmp_path):
    start(tmp_path)
    before = contents(tmp_path)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"own words have changed .* loss\.py\."):
            start(tmp_path, words={"loss.py": "SCALE = 100\n"})
    assert contents(tmp_path) == before


def test_accepted_changes_are_recorded(tmp_path, capsys):
    first = start(tmp_path)
    assert "accepted_changes" not in first
    second = start(tmp_path, words={"loss.py": "SCALE = 100\n"}, accept_changes=True)
    assert second["accepted_changes"] == ["loss.py"]
    assert second["words"]["loss.py"] != first["words"]["loss.py"]
    assert second["earlier"] == [first]
    assert (tmp_path / "words" / "loss.py").read_text() == "SCALE = 100\n"
    assert (tmp_path / "words-1" / "loss.py").read_text() == "SCALE = 1\n"
    said = capsys.readouterr().err
    assert f"earlier ones were copied; they are in {tmp_path}/words-1 now" in said
    # The changed words are those of the run from now on.
    assert "accepted_changes" not in start(tmp_path, words={"loss.py": "SCALE = 100\n"})


def test_another_revision_is_told_and_continues(tmp_path, capsys):
    start(tmp_path)
    start(tmp_path)
    assert capsys.readouterr().err == ""
    environment = {**DESCRIPTION["environment"], "source": {"revision": "b" * 40}}
    start(tmp_path, environment=environment)
    assert "revision aaaaaaaaaaaa (now bbbbbbbbbbbb)" in capsys.readouterr().err


SIDE_FILES = ["config.gin", "experiment.json", "environment.json", "words"]


@pytest.mark.parametrize("name", SIDE_FILES)
def test_what_only_describes_a_run_stops_none(tmp_path, monkeypatch, capsys, name):
    write = durable_files.write_atomically

    def refuse_one(path, text):
        if name in path.as_posix():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write(path, text)

    for module in ("own_words", "run_folder"):
        monkeypatch.setattr(f"dsl.records.{module}.write_atomically", refuse_one)
    with RunFolder.open(tmp_path) as folder:
        RunJob(EXPERIMENT, DESCRIPTION, folder).write_description()  # type: ignore[arg-type]
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{tmp_path / name}: cannot be written (Permission denied). The run")
    assert (tmp_path / "operative.gin").exists()
    RunFolder.open(tmp_path).close()


def test_a_new_run_needs_the_text_that_tells_it_from_others(tmp_path, monkeypatch):
    """Without it no later start could resume the run."""
    monkeypatch.setattr(os, "replace", refuse_space)
    with pytest.raises(RecordError, match=r"operative\.gin: cannot be written \(No space"):
        start(tmp_path)


def refuse_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def finish_at_epoch_4(path):
    lines = "".join(f'{{"epoch": {epoch}}}\n' for epoch in range(5))
    (path / "metrics.jsonl").write_text(lines)
    mark_finished(path, Finished(4, 1_000))


def finished(path, **changed):
    """The notices about a run of four epochs that is asked for again."""
    with RunFolder.open(path) as folder:
        job = RunJob(EXPERIMENT, {**DESCRIPTION, **changed}, folder, accept_changes=True)  # type: ignore[arg-type]
        assert job.is_finished()
        return job.finished_notices()


def test_changed_words_of_a_finished_run_are_told_and_change_nothing(tmp_path):
    start(tmp_path)
    finish_at_epoch_4(tmp_path)
    before = contents(tmp_path)
    for _ in range(2):
        (notice,) = finished(tmp_path, words={"loss.py": "SCALE = 100\n"})
        assert "own words have changed since it was trained: loss.py." in notice
        assert "nothing was recorded" in notice
    assert finished(tmp_path) == []
    assert contents(tmp_path) == before


def test_a_finished_run_tells_what_other_settings_would_have_changed(tmp_path):
    operative = "Experiment.seed = 1\nExperiment.total_env_steps = {}\nExperiment.film = True\n"
    start(tmp_path, operative=operative.format(1_000))
    finish_at_epoch_4(tmp_path)
    assert finished(tmp_path, operative=operative.format(1_000)) == []
    (notice,) = finished(tmp_path, operative=operative.format(500).replace("True", "False"))
    assert notice.splitlines()[1:] == [
        "  - Experiment.total_env_steps = 1000",
        "  + Experiment.total_env_steps = 500",
        "  - Experiment.film = True",
        "  + Experiment.film = False",
    ]


def test_a_finished_run_without_its_record_is_refused(tmp_path):
    start(tmp_path)
    finish_at_epoch_4(tmp_path)
    (tmp_path / "metrics.jsonl").unlink()
    with pytest.raises(UsageError, match=r"metrics\.jsonl: is missing, although the run is finish"):
        finished(tmp_path)


def test_a_longer_run_is_not_finished_for_want_of_its_checkpoints(tmp_path):
    start(tmp_path)
    finish_at_epoch_4(tmp_path)
    longer = SimpleNamespace(**{**vars(EXPERIMENT), "total_env_steps": 1_001})
    with RunFolder.open(tmp_path) as folder:
        job = RunJob(longer, DESCRIPTION, folder)  # type: ignore[arg-type]
        assert not job.is_finished()
        with pytest.raises(UsageError, match="finished and has no checkpoint to continue from"):
            job.start_at(RunPosition())


def test_a_hole_in_the_record_of_a_finished_run_is_told(tmp_path):
    start(tmp_path)
    finish_at_epoch_4(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\n{"epoch": 4}\n')
    assert finished(tmp_path) == ["its record lacks epochs 1 to 3"]


def test_words_whose_copy_failed_are_known_by_their_hashes(tmp_path):
    start(tmp_path)
    shutil.rmtree(tmp_path / "words")
    with pytest.raises(UsageError, match=r"own words have changed .* loss\.py\."):
        start(tmp_path, words={"loss.py": "SCALE = 100\n"})
    start(tmp_path)
    assert (tmp_path / "words" / "loss.py").read_text() == "SCALE = 1\n"


def finish_at(path, epoch, monkeypatch, draw=lambda *_: None):
    monkeypatch.setattr("dsl.training.run_job.record_pictures", draw)
    with RunFolder.open(path) as folder:
        job = RunJob(EXPERIMENT, DESCRIPTION, folder)  # type: ignore[arg-type]
        job.tracker = None  # type: ignore[assignment]
        job.position = RunPosition(epoch=epoch)
        job.finish(None)  # type: ignore[arg-type]


def test_a_run_that_is_shortened_ends_where_it_is(tmp_path, monkeypatch):
    finish_at(tmp_path / "whole", 5, monkeypatch)
    assert read_finished(tmp_path / "whole") == Finished(4, 1_000)
    finish_at(tmp_path / "longer", 8, monkeypatch)
    assert read_finished(tmp_path / "longer") == Finished(7, 7 * 250)


def test_a_run_that_cannot_be_drawn_is_finished_all_the_same(tmp_path, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        finish_at(tmp_path, 5, monkeypatch, lambda *_: 1 / 0)
    assert read_finished(tmp_path) == Finished(4, 1_000)


@pytest.mark.parametrize(("position", "kept"), [(RunPosition(), 1), (RunPosition(0, 2, 2), 0)])
def test_a_run_begins_anew_only_without_a_checkpoint(tmp_path, capsys, position, kept):
    start(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\n{"epoch": 1}\n')
    with RunFolder.open(tmp_path) as folder:
        experiment = SimpleNamespace(**{**vars(EXPERIMENT), "learners": {}})
        RunJob(experiment, DESCRIPTION, folder).start_at(position)  # type: ignore[arg-type]
    assert len(list(tmp_path.glob("metrics.jsonl.earlier-*"))) == kept
    said = capsys.readouterr().err
    assert ("there is no checkpoint" in said, "resuming at" in said) == (kept == 1, kept == 0)


def test_a_score_that_is_not_a_number_ends_no_training(tmp_path):
    lines = []
    with RunFolder.open(tmp_path) as folder:
        experiment = SimpleNamespace(**vars(EXPERIMENT), score=lambda numbers: numbers["eval/own"])
        job = RunJob(experiment, DESCRIPTION, folder)  # type: ignore[arg-type]
        job.tracker = SimpleNamespace(log=lines.append)  # type: ignore[assignment]
        job.position = RunPosition(epoch=1, epoch_seconds=1.0)
        job.end_epoch({"eval/own": math.nan, "train/loss": 1.0}, {}, lambda: None)  # type: ignore[arg-type, return-value]
    assert job.position.epoch == 2
    assert math.isnan(lines[0]["eval/own"])

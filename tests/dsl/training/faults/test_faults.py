"""Runs whose disk, folder, clock, trackers or numbers fail; in real processes if they get far."""

import json
import os
import shutil
from pathlib import Path

import pytest
from toy_runs import (
    EXPERIMENT,
    assert_same_run,
    checkpoints,
    epochs,
    finish,
    looking_around,
    refused,
    run,
    start,
    wait_until,
    write_experiment,
)

# Leaves as if killed once four epochs are in the record and two checkpoints on the disk.
STOPPED = looking_around(
    "look(self)",
    "if self.position.epoch == 4: self._jobs[0].checkpoints.wait_until_written(); os._exit(9)",
)


@pytest.fixture(scope="module")
def whole(file):
    """A run that nothing goes wrong with."""
    out = file.parent / "whole"
    assert run(file, out)[0] == 0
    assert os.path.exists(out / "pictures" / "final_rollout.png")
    return out


@pytest.fixture(scope="module")
def stopped(file):
    """A run with two checkpoints that has not ended."""
    out = file.parent / "stopped"
    assert run(file, out, "Experiment.checkpoint_epochs=1", wrapper=STOPPED)[0] == 9
    assert len(checkpoints(out)) == 2
    return out


@pytest.fixture
def half(stopped, tmp_path):
    """A copy of it."""
    return shutil.copytree(stopped, tmp_path / "run")


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(file, whole, half):
    """Damage of other kinds is found and told of in the same way: `test_manager.py`."""
    damaged = checkpoints(half)[-1] / "learners.safetensors"
    flip(damaged)
    code, said = run(file, half)
    assert code == 0
    assert f"DAMAGED CHECKPOINT: {damaged} is" in said
    assert_same_run(whole, half)


def test_with_every_checkpoint_damaged_nothing_is_begun_again(file, half, capsys):
    for path in checkpoints(half):
        flip(path / "learners.safetensors")
    before = {path: path.read_bytes() for path in half.iterdir() if path.is_file()}
    for _ in range(3):
        refused(file, half)
        assert "every checkpoint is damaged" in capsys.readouterr().err
    after = {path: path.read_bytes() for path in half.iterdir() if path.is_file()}
    after[half / ".lock"] = before[half / ".lock"]
    assert after == before


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(file, whole, half):
    before = [path.name for path in checkpoints(half)]
    limit = ("import resource", "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))")
    code, said = run(file, half, wrapper=limit)
    assert code == 0
    assert "CHECKPOINT NOT WRITTEN" in said
    assert "File too large" in said
    assert [path.name for path in checkpoints(half)] == before
    assert epochs(half) == epochs(whole)


def test_a_signal_on_a_full_disk_is_not_called_saved(file, half):
    before = [path.name for path in checkpoints(half)]
    full = looking_around(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))",
        "self._preemption.code = 143",
        "look(self)",
    )
    code, said = run(file, half, wrapper=full)
    assert code == 143
    assert "CHECKPOINT NOT WRITTEN" in said
    assert "interrupted and NOT SAVED since the last checkpoint" in said
    assert [path.name for path in checkpoints(half)] == before


def test_a_record_that_cannot_be_written_ends_the_run(file, half):
    size = (half / "metrics.jsonl").stat().st_size
    limit = ("import resource", "from dsl.records.metrics_log import MetricsLog",
             "real = MetricsLog.log",
             "limit = lambda n: resource.setrlimit(resource.RLIMIT_FSIZE, (n, -1))",
             f"MetricsLog.log = lambda *a: (limit({size}), real(*a))")  # fmt: skip
    code, said = run(file, half, wrapper=limit)
    assert code == 2
    assert "metrics.jsonl: cannot be written (File too large)" in said
    assert len(checkpoints(half)) == 2


def test_a_folder_that_cannot_be_written(file, capsys):
    refused(file, Path("/proc/run"))
    assert "/proc/run: cannot be written" in capsys.readouterr().err


def test_a_folder_in_use(file, whole, tmp_path, capsys):
    out, go = tmp_path / "run", tmp_path / "go"
    waiting = looking_around(
        f"while not os.path.exists({str(go)!r}): time.sleep(0.05)", "look(self)"
    )
    process = start(file, out, wrapper=waiting)
    wait_until(process, lambda: (out / "environment.json").exists())
    refused(file, out)
    go.touch()
    assert f"in use by process {process.pid} on " in capsys.readouterr().err
    assert finish(process)[0] == 0
    assert_same_run(whole, out)


def test_trackers_that_raise_and_hang_and_a_clock_that_jumps(file, whole, tmp_path):
    out = tmp_path / "run"
    trouble = (
        "import random, subprocess, time",
        "real = time.time",
        "time.time = lambda: real() + random.choice([-1e9, 0.0, 1e9])",
        "from dsl.tracking import aim_tracker, console",
        "aim_tracker.AimTracker.__init__.__kwdefaults__ = {'closing_seconds': 0.5}",
        "sleep = lambda *_: subprocess.Popen(['sleep', '100'], stdin=subprocess.PIPE)",
        "aim_tracker._start_follower = sleep",
        "def angry(*_): raise RuntimeError('no terminal today')",
        "console.ConsoleTracker.log = angry",
    )
    code, said = run(file, out, wrapper=trouble)
    assert code == 0
    assert "ConsoleTracker stopped: no terminal today" in said
    assert "AimTracker stopped: did not finish within 0.5 seconds" in said
    assert_same_run(whole, out)


def test_numbers_that_are_not_finite_stop_the_run(tmp_path):
    text = EXPERIMENT + "optimiser.adam.learning_rate = 1e30\nInfoNCE.logsumexp_penalty = 0.1\n"
    file = write_experiment(tmp_path, text.replace("InfoNCE.", "loss.InfoNCE."))
    code, said = run(file, tmp_path / "run")
    assert code == 3
    line = next(line for line in said.splitlines() if "in epoch 1" in line)
    assert line.startswith("train/")
    assert f"The state is in {tmp_path / 'run' / 'nonfinite'}" in line
    assert (tmp_path / "run" / "nonfinite" / "learners.safetensors").exists()
    for kept in checkpoints(tmp_path / "run"):  # from before the first update
        metadata = json.loads((kept / "manifest.json").read_text())["body"]["metadata"]
        assert (metadata["position"]["epoch"], metadata["position"]["iteration"]) <= (1, 0)


def test_a_bad_state_that_cannot_be_kept_is_told_of(tmp_path):
    text = EXPERIMENT + "optimiser.adam.learning_rate = 1e30\n"
    limit = ("import resource", "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))")
    code, said = run(write_experiment(tmp_path, text), tmp_path / "run", wrapper=limit)
    assert code == 3
    assert "Its state could not be written (" in said
    assert "File too large" in said


def test_other_settings_are_refused_with_their_lines(file, half, capsys):
    refused(file, half, "BATCH_SIZE=8", "loss.InfoNCE.direction='symmetric'")
    said = capsys.readouterr().err
    assert "- Experiment.batch_size = 16" in said
    assert "+ Experiment.batch_size = 8" in said
    assert "+ loss.InfoNCE.direction = 'symmetric'" in said
    assert "total_env_steps" in said


def test_a_finished_run_goes_on_to_a_larger_total(file, whole, tmp_path):
    """And to its end, although its pictures cannot be written."""
    out = shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(out / "pictures")
    (out / "pictures").touch()
    code, said = run(file, out, "TOTAL_ENV_STEPS=5_000")
    assert code == 0
    assert "resuming at epoch 7" in said
    assert f"{out}/pictures/final_rollout.png: cannot be written (File exists)." in said
    longer = epochs(out)
    assert longer[:7] == epochs(whole)
    assert [line["env_steps"] for line in longer[7:]] == [4640, 5280]
    assert json.loads((out / "finished.json").read_text()) == {"epoch": 8, "env_steps": 5280}
    assert len(json.loads((out / "environment.json").read_text())["earlier"]) == 1

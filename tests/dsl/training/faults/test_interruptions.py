"""Runs in real processes that are stopped and killed, and go on with the same command.

On two cores, whatever the machine has; the other tests of faults have one.
"""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import toy_runs
from toy_runs import (
    ROOT,
    assert_same_run,
    checkpoints,
    epochs,
    finish,
    kill,
    looking_around,
    wait_for_epochs,
    wait_until,
)

run, start = partial(toy_runs.run, cores=2), partial(toy_runs.start, cores=2)

# Slow enough that a signal finds it under way.
SLOW = looking_around("time.sleep(0.2)", "look(self)")


@pytest.fixture(scope="module")
def whole(file):
    """A run that nothing interrupts."""
    out = file.parent / "whole"
    assert run(file, out)[0] == 0
    return out


def test_a_run_repeats_itself(whole, tmp_path):
    """The same file, seed and machine; here from the operative file, as a user starts it."""
    command = [sys.executable, "-m", "dsl.run", whole / "operative.gin", "--out"]
    environment = os.environ | toy_runs.variables(cores=2)
    subprocess.run([*command, tmp_path / "again"], cwd=ROOT, env=environment, check=True)
    assert_same_run(whole, tmp_path / "again")


# The first checkpoint is written; the next save never ends.
HANGING = (
    "import time",
    "from dsl.checkpoint import disk_format",
    "real = disk_format._write_manifest",
    "saved = []",
    "def write(path, body):",
    "    if 'iteration' in str(path) and saved: time.sleep(100)",
    "    if 'iteration' in str(path): saved.append(path)",
    "    real(path, body)",
    "disk_format._write_manifest = write",
)


def test_the_same_command_goes_on_after_every_signal(file, whole, tmp_path):
    """To the same end, after four processes of one run were stopped."""
    out = tmp_path / "run"
    stopped_before_there_is_anything_to_save(file, out)
    stopped_at_once_by_a_second_signal(file, out)
    stopped_and_saved(file, out, signal.SIGTERM, 143, epoch=3)
    stopped_and_saved(file, out, signal.SIGINT, 130, epoch=5)
    code, said = run(file, out)
    assert code == 0
    assert "resuming at epoch" in said
    assert_same_run(whole, out)


def stopped_before_there_is_anything_to_save(file, out):
    process = start(file, out)
    wait_until(process, lambda: (out / "environment.json").exists())
    process.send_signal(signal.SIGUSR1)
    assert finish(process)[0] == 75
    assert epochs(out) == []


def stopped_and_saved(file, out, number, code, epoch):
    process = start(file, out, wrapper=SLOW)
    wait_for_epochs(process, out, epoch)
    process.send_signal(number)
    found, said = finish(process)
    assert found == code
    assert "interrupted and saved" in said
    assert checkpoints(out)


def stopped_at_once_by_a_second_signal(file, out):
    process = start(file, out, wrapper=(*SLOW, *HANGING))
    wait_until(process, lambda: checkpoints(out))
    before = checkpoints(out)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, said = finish(process)
    assert code == 143
    assert time.monotonic() - begun < 10
    assert "stopped at once" in said
    assert checkpoints(out) == before


# Where a save is when the process is killed: writing arrays, before the name, clearing old ones.
MOMENTS = {
    "arrays": "disk_format._write_arrays",
    "manifest": "disk_format._write_manifest",
    "name": "disk_format.os.rename",
    "after": "manager.CheckpointManager._discard_oldest",
}


def killed_at(moment):
    return (
        "import os, signal",
        "from dsl.checkpoint import disk_format, manager",
        "manager.CheckpointManager.should_save = lambda *_: True",
        "calls = []",
        f"real = {moment}",
        "def die(*args):",
        "    calls.append(1)",
        "    if len(calls) == 4: os.kill(os.getpid(), signal.SIGKILL)",
        "    return real(*args)",
        f"{moment} = die",
    )


def test_killed_at_any_moment_of_a_save(file, whole, tmp_path):
    out = tmp_path / "run"
    for moment in MOMENTS.values():
        assert run(file, out, wrapper=killed_at(moment))[0] == -signal.SIGKILL
    code, said = run(file, out)
    assert code == 0
    assert "DAMAGED" not in said
    assert_same_run(whole, out)


@pytest.mark.slow
def test_two_hundred_kills(file, whole, tmp_path):
    """Any moment, any signal: every process continues, and the end is the uninterrupted one."""
    import random

    rng, kills, runs = random.Random(0), 0, 0
    while kills < 200:
        out = tmp_path / f"run-{runs}"
        runs += 1
        while True:
            process = start(file, out)
            begun = time.monotonic()
            until = rng.uniform(0.0, 9.0)
            while process.poll() is None and time.monotonic() - begun < until:
                time.sleep(0.005)
            if process.poll() is not None:
                assert finish(process)[0] == 0
                break
            kill(process, rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
            kills += 1
        assert_same_run(whole, out)
    print(f"{kills} kills, {runs} runs, every one ended as the uninterrupted one")

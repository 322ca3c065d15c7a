"""A grid that changes between two starts of a sweep: added and dropped runs."""

import json
import os
import signal
import subprocess
import sys

import pytest

from dsl.records.kept_trial import is_dropped
from dsl.records.run_folder import RunFolder
from dsl.report.data.runs import read_runs
from dsl.sweep.grid import make_trials
from dsl.sweep.grid_changes import apply_grid_change, find_grid_change, tell_grid_change
from dsl.sweep.kept_trials import keep_trials, kept_file

GRID = "include 'quickstart.gin'\nsweep.grid = {{'SEED': {}}}\n"


@pytest.fixture
def root(tmp_path):
    """A sweep of seeds 0 and 1, both of which have begun."""
    for trial in judge(tmp_path, [0, 1]):
        begin(trial)
    return tmp_path


def judge(root, seeds, *overrides):
    file = root / "mine.gin"
    file.write_text(GRID.format(seeds))
    return make_trials(file, list(overrides), root / "runs")


def begin(trial):
    keep_trials([trial])
    with RunFolder.open(trial.folder) as folder:
        described = {name: trial.description[name] for name in ("name", "config", "macros")}
        folder.describe(
            **described,
            operative=trial.operative,
            hyperparameters=trial.description["hyperparameters"],
            environment={},
        )
    line = {"epoch": 0, "env_steps": 50, "eval/time_at_goal": 1.0}
    (trial.folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")


def told(root, trials):
    said = []
    tell_grid_change(root / "mine.gin", trials, said.append)
    return "\n".join(said)


def names(folders):
    return [folder.name for folder in folders]


def test_added_and_dropped_runs_are_named_once_and_left_out_of_reports(root):
    trials = judge(root, [1, 2])
    said = told(root, trials)
    assert said.startswith(f"{root}/mine.gin: its grid has changed since this sweep began:\n")
    assert f"\n  + {root}/runs/SEED=2\n  - {root}/runs/SEED=0\n" in said
    apply_grid_change(trials, pytest.fail)
    keep_trials(trials)
    assert told(root, trials) == ""
    runs, problems = read_runs([root / "runs"])
    assert [run.folder.name for run in runs] == ["SEED=1"]
    assert problems == [
        f"{root}/runs/SEED=0: is no longer part of its sweep; left out unless it is named."
    ]
    runs, problems = read_runs([root / "runs" / "SEED=0"])
    assert ([run.folder.name for run in runs], problems) == (["SEED=0"], [])


def test_a_run_that_comes_back_is_part_of_the_sweep_again(root):
    apply_grid_change(judge(root, [1, 2]), pytest.fail)
    trials = judge(root, [0, 1])
    assert f"  + {root}/runs/SEED=0" in told(root, trials)
    apply_grid_change(trials, pytest.fail)
    assert not is_dropped(trials[0].folder)


def test_a_grid_on_the_command_line_and_another_file_drop_nothing(root):
    change = find_grid_change(judge(root, [0, 1], "sweep.grid={'SEED': [1, 2]}"))
    assert (names(change.added), change.dropped) == (["SEED=2"], [])
    (root / "other.gin").write_text(GRID.format([3]))
    others = make_trials(root / "other.gin", [], root / "runs")
    assert find_grid_change(others) == ([], [])


def test_a_process_that_an_earlier_sweep_left_in_a_dropped_run_is_stopped(root):
    dropped, wanted = judge(root, [0, 1])
    code = (
        "import sys, time; from pathlib import Path; from dsl.records.run_folder import RunFolder\n"
        "RunFolder.open(Path(sys.argv[1])); print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(dropped.folder), str(kept_file(dropped))]
    for extra, is_stopped in ([], True), ([str(kept_file(wanted))], False):
        with subprocess.Popen([*command, *extra], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            said = []
            apply_grid_change(judge(root, [1, 2]), said.append)
            if not is_stopped:
                os.kill(process.pid, signal.SIGTERM)
        assert said[0].startswith(f"stops process {process.pid}, ") == is_stopped
        assert str(dropped.folder) in said[0]

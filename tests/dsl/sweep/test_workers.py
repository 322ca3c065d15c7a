"""Processes of a sweep: their cores, and the old name of a flag."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dsl.cli import sweep
from dsl.sweep.grid import Trial
from dsl.sweep.workers import _core_shares, _pin_thread, command_line
from dsl.training.cpu_devices import available_cores

SHOW_CORES = [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"]


def show_cores_of_child(cores):
    _pin_thread(cores)
    return subprocess.run(SHOW_CORES, capture_output=True, text=True, check=True).stdout


def test_a_child_has_the_cores_of_the_thread_that_starts_it():
    before = os.sched_getaffinity(0)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(show_cores_of_child, {min(before)}).result() == f"[{min(before)}]\n"
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("cores", "jobs", "shares"),
    [({0, 1, 2, 3}, 2, [{0, 2}, {1, 3}]), ({4, 5}, 3, [{4}, {5}, {4}]), ({7}, 1, [{7}])],
)
def test_cores_are_shared_equally(monkeypatch, cores, jobs, shares):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores)
    assert _core_shares(jobs) == shares


def test_without_affinity_every_core_is_usable(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_cores() == {0, 1, 2}
    _pin_thread({0})


def test_force_reaches_the_processes():
    alone, pair = (
        [Trial(["SEED=0"], Path("a"), "")],
        [Trial([f"SEED={i}"], Path("b"), "") for i in (1, 2)],
    )
    single = command_line(Path("x.gin"), alone, force=True)
    assert single[1:] == ["-m", "dsl.run", "x.gin", "--out", "a", "--force", "--set", "SEED=0"]
    both = command_line(Path("x.gin"), pair, force=True)
    runs = ["--run", "b", "SEED=1", "--run", "b", "SEED=2"]
    assert both[1:] == ["-m", "dsl.cli.multi_seed", "x.gin", "--force", *runs]
    assert "--force" not in command_line(Path("x.gin"), alone, force=False)


def test_the_old_name_of_a_flag_works_with_a_notice(tmp_path, capsys):
    assert sweep.main([str(tmp_path / "nothing.gin"), "--together", "--list"]) == 2
    notice = "--together is now called --vmap-seeds; the old name works until the next release."
    assert capsys.readouterr().err.startswith(notice)

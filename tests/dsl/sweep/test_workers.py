"""Processes of a sweep: their cores, the signals that reach them, and the flags they are given."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.cpu_cores import available_cores
from dsl.cli import sweep
from dsl.records.run_folder import RunFolder
from dsl.sweep import workers
from dsl.sweep.grid import Trial
from dsl.sweep.workers import WorkerPool, _core_shares, _pin_thread, command_line, run_trials
from dsl.tracking.fan_out import report_failure

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
def test_cores_are_shared_equally(cores, jobs, shares):
    assert _core_shares(jobs, cores) == shares


def test_without_affinity_every_core_is_usable(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_cores() == {0, 1, 2}
    _pin_thread({0})


def sleeping(seconds):
    return [sys.executable, "-Sc", f"import time; time.sleep({seconds})"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGHUP, 129), (signal.SIGXCPU, 152), (signal.SIGUSR2, 75), (signal.SIGTERM, 143)],
)
def test_signals_reach_the_runs(tmp_path, capsys, number, code):
    """None is left behind, and none is started after them."""
    groups = [[Trial([], tmp_path / name, "")] for name in ("a", "b")]
    with WorkerPool(1, {0}) as pool:
        threading.Timer(0.3, lambda: os.kill(os.getpid(), number)).start()
        assert pool.run_groups(groups, [sleeping(60), sleeping(60)]) == [-number, code]
    assert pool.stop_code == code
    assert "b" not in capsys.readouterr().out.replace(str(tmp_path), "")


def test_an_ignored_signal_does_not_stop_a_sweep(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with WorkerPool(1, {0}) as pool:
            os.kill(os.getpid(), signal.SIGHUP)
            assert pool.run_groups([[Trial([], tmp_path / "a", "")]], [sleeping(0)]) == [0]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_that_another_process_trains_is_waited_for(tmp_path, monkeypatch, capsys):
    """It comes first and keeps the place of a job: nothing is started beside it."""
    free, used = (Trial([], tmp_path / name, "") for name in ("free", "used"))
    monkeypatch.setattr(workers, "command_line", lambda *_, **__: sleeping(0))
    with RunFolder.open(used.folder) as folder:
        threading.Timer(0.5, folder.close).start()
        assert run_trials(Path("x.gin"), [free, used], 1, {0}) == 0
    shown = capsys.readouterr().out.splitlines()[1:]
    assert shown[0].startswith(f"waits for process {os.getpid()} on ")
    assert [line.split(" ")[0] for line in shown[1:]] == ["starts:", "finished:"] * 2
    assert shown[1].endswith("used")


@pytest.mark.parametrize("code", [0, 5])
def test_a_log_that_somebody_removes_stops_nothing(tmp_path, capsys, code):
    log = tmp_path / "a.log"
    remove = [sys.executable, "-Sc", f"import os; os.remove({str(log)!r}); os._exit({code})"]
    with WorkerPool(1, {0}) as pool:
        assert pool.run_groups([[Trial([], tmp_path / "a", "")]], [remove]) == [code]
    assert ("its log cannot be read (No such file" in capsys.readouterr().err) == (code != 0)


def test_a_run_that_another_sweep_begins_first_is_waited_for(tmp_path, monkeypatch, capsys):
    """Both saw that it was free; this one's process then says that it is in use."""
    trial = Trial([], tmp_path / "a", "")
    owners, codes = [], [2, 0]

    def begin_elsewhere(*_):
        if not owners:
            owners.append(RunFolder.open(trial.folder))
            threading.Timer(0.3, owners[0].close).start()
        return codes.pop(0)

    monkeypatch.setattr(WorkerPool, "_run_process", begin_elsewhere)
    with WorkerPool(1, {0}) as pool:
        assert pool.run_groups([[trial]], [[]]) == [0]
    said = capsys.readouterr()
    assert (said.err, codes) == ("", [])
    assert said.out.startswith(f"waits for process {os.getpid()} on ")
    assert said.out.endswith(f"finished: {trial.folder}\n")


def test_a_run_that_another_sweep_finished_is_not_started(tmp_path, monkeypatch, capsys):
    trial = Trial([], tmp_path / "a", "")
    monkeypatch.setattr(Trial, "status", lambda _: workers.FINISHED)
    owner = RunFolder.open(trial.folder)
    threading.Timer(0.3, owner.close).start()
    with WorkerPool(1, {0}) as pool:
        assert pool.run_groups([[trial]], [["/nothing"]]) == [0]
    assert "starts" not in capsys.readouterr().out


def test_the_error_of_a_run_is_shown_and_not_what_jax_writes_below_it(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(
        "Traceback (most recent call last):\nNameError: name 'x' is not defined\n"
        + "-" * 20
        + "\nFor simplicity, JAX has removed its internal frames from the traceback of the ...\n"
    )
    assert workers._last_line(log) == "NameError: name 'x' is not defined"


def test_a_run_that_was_killed_is_said_to_have_been(tmp_path, capsys):
    """Not how far it had come, which is its last line."""
    killed = [sys.executable, "-Sc", "import os; print('13%', flush=True); os.kill(os.getpid(), 9)"]
    with WorkerPool(1, {0}) as pool:
        assert pool.run_groups([[Trial([], tmp_path / "a", "")]], [killed]) == [-9]
    said = f"ended by signal 9 (Killed): {tmp_path}/a; the same command resumes"
    assert capsys.readouterr().err == f"{said} (output: {tmp_path}/a.log)\n"


def test_a_tracker_that_fails_is_told_of_by_the_sweep(tmp_path, capsys):
    report_failure(WorkerPool(1, {0}), ValueError("Aim is full."))
    (tmp_path / "a.log").write_text("9% done\n" + capsys.readouterr().err)
    with WorkerPool(1, {0}) as pool:
        assert pool.run_groups([[Trial([], tmp_path / "a", "")]], [sleeping(0)]) == [0]
    said = f"{tmp_path}/a: WorkerPool stopped: Aim is full. (full output: {tmp_path}/a.log)\n"
    assert capsys.readouterr().err == said
    assert (tmp_path / "a.log").exists()


def test_a_run_that_was_stopped_alone_is_resumed_by_the_sweep(tmp_path):
    """By its command, and not by that of the run, which the run itself names."""
    said = workers._describe_failure([Trial([], tmp_path / "a", "")], 143, tmp_path / "a.log")
    assert said == f"exit code 143: {tmp_path}/a: stopped and saved; the same command resumes"


def test_runs_start_from_what_was_kept_with_the_flags_of_the_sweep():
    one, other = (Trial([f"SEED={i}"], Path("s") / f"SEED={i}", "") for i in (1, 2))
    kept = ["s/.sweep/SEED=1/operative.gin", "s/.sweep/SEED=2/operative.gin"]
    single = command_line([one], ["--force"])
    assert single[1:] == ["-m", "dsl.run", kept[0], "--out", "s/SEED=1", "--force"]
    both = command_line([one, other], ["--force"])
    runs = ["--run", "s/SEED=1", kept[0], "--run", "s/SEED=2", kept[1]]
    assert both[1:] == ["-m", "dsl.cli.multi_seed", "--force", *runs]
    assert "--force" not in command_line([one])


def test_the_old_name_of_a_flag_works_with_a_notice(tmp_path, capsys):
    assert sweep.main([str(tmp_path / "nothing.gin"), "--together", "--list"]) == 2
    notice = "--together is now called --vmap-seeds; the old name works until the next release."
    assert capsys.readouterr().err.startswith(notice)

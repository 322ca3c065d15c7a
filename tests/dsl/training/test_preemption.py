"""Signals that are watched for, and what is left when they no longer are."""

import os
import signal
import threading
import time

import pytest

from dsl.training.preemption import PreemptionHandler


def open_files():
    return len(os.listdir("/proc/self/fd"))


def wait_until(true):
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129)),
        *(("SIGXCPU", 152), ("SIGUSR1", 75), ("SIGUSR2", 75)),
    ],
)
def test_the_first_signal_is_noted_and_everything_is_restored(name, code):
    number = signal.Signals[name]
    before, files = signal.getsignal(number), open_files()
    with PreemptionHandler() as preemption:
        preemption.begin_saving()
        os.kill(os.getpid(), number)
        wait_until(lambda: preemption.code is not None)
        assert preemption.code == code
    assert signal.getsignal(number) is before
    assert signal.set_wakeup_fd(-1) == -1
    wait_until(lambda: open_files() == files)


def test_signals_that_machines_repeat_end_nothing_at_once(monkeypatch):
    """A closing terminal sends SIGHUP twice, Linux SIGXCPU every second; people repeat Ctrl-C."""
    ended, files = [], open_files()
    monkeypatch.setattr(os, "_exit", ended.append)
    with PreemptionHandler() as preemption:
        preemption.begin_saving()
        for name in ("SIGHUP", "SIGHUP", "SIGXCPU", "SIGXCPU", "SIGUSR1", "SIGUSR1", "SIGTERM"):
            os.kill(os.getpid(), signal.Signals[name])
            time.sleep(0.01)
        assert (preemption.code, ended) == (129, [])
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: ended)
        assert (preemption.code, ended) == (129, [130])
    wait_until(lambda: open_files() == files)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_an_ignored_signal_stays_ignored(number):
    """As under `nohup`, or in the background of a shell script."""
    before, files = signal.signal(number, signal.SIG_IGN), open_files()
    try:
        with PreemptionHandler() as preemption:
            preemption.begin_saving()
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
            wait_until(lambda: preemption.code is not None)
            assert preemption.code == 143
    finally:
        signal.signal(number, before)
    wait_until(lambda: open_files() == files)


def test_another_thread_cannot_enter_and_leaves_nothing_open():
    files, raised = open_files(), []

    def enter():
        with pytest.raises(ValueError, match="main thread") as error, PreemptionHandler():
            pass
        raised.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert raised
    wait_until(lambda: open_files() == files)

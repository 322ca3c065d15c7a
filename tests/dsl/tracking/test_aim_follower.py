"""One follower writes all runs that lie side by side; the next takes over when its run has ended.

In threads instead of processes, with a list in Aim's place.
"""

import sys
import threading
import time
from types import SimpleNamespace

import pytest

from dsl.records.file_lock import FileLock
from dsl.records.metrics_log import MetricsLog
from dsl.records.run_folder import METRICS, RunFolder
from dsl.tracking import aim_follower
from dsl.tracking.aim_follower import follow_runs


class Killed(BaseException):
    """Ends a follower without a word."""


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """What Aim was asked to write, in order."""
    noted = []

    class Writer:
        def __init__(self, folder, root):
            assert root == folder.parent
            self.name = folder.name
            noted.append((self.name, "open"))

        def log(self, metrics):
            noted.append((self.name, metrics["env_steps"]))

        def close(self, *, ended):
            noted.append((self.name, "ended" if ended else "handed over"))

    monkeypatch.setitem(sys.modules, "dsl.tracking.aim_writer", SimpleNamespace(AimWriter=Writer))
    monkeypatch.setattr(aim_follower, "_POLL_SECONDS", 0.01)
    return noted


@pytest.fixture
def begin(tmp_path):
    """Starts runs; stops what is left of them in the end."""
    started = []

    def start(name):
        started.append(Run(tmp_path / name))
        return started[-1]

    yield start
    for run in started:
        run.end()


class Run:
    """A run under way, and its follower."""

    def __init__(self, folder):
        self.folder = RunFolder.open(folder)
        self.record = MetricsLog(folder)
        self.over, self.killed = threading.Event(), False
        self.error = None
        self.follower = threading.Thread(target=self._follow)
        self.follower.start()

    def _follow(self):
        def wait_for_end(seconds):
            over = self.over.wait(seconds)
            if self.killed:
                raise Killed
            return over

        try:
            follow_runs([self.folder.path], wait_for_end)
        except (Killed, TimeoutError) as error:
            self.error = error

    def log(self, step):
        self.record.log({"env_steps": step})

    def end(self):
        self.record.close()
        self.over.set()
        self.follower.join()
        self.folder.close()

    def kill_follower(self):
        self.killed = True
        self.over.set()
        self.follower.join()

    def kill(self):
        self.folder.close()
        self.kill_follower()


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


def of(calls, name):
    return [call for run, call in calls if run == name]


def queue(tmp_path):
    return [entry.name for entry in (tmp_path / ".aim_queue").iterdir()]


def test_runs_beside_each_other_are_live_and_handed_over(begin, calls, tmp_path):
    a = begin("a")
    a.log(1)
    wait_for(lambda: ("a", 1) in calls)
    b, c = begin("b"), begin("c")
    b.log(1)
    c.log(1)
    wait_for(lambda: {("b", 1), ("c", 1)} <= set(calls))
    c.log(2)
    c.end()  # follows nothing itself, and still is in Aim when its process ends
    assert of(calls, "c") == ["open", 1, 2, "ended"]
    a.log(2)
    a.end()
    assert of(calls, "a") == ["open", 1, 2, "ended"]
    assert of(calls, "b")[:3] == ["open", 1, "handed over"]
    b.log(2)
    wait_for(lambda: ("b", 2) in calls)
    b.end()
    # Aim keeps one value per step: what is written again is no second point.
    assert of(calls, "b")[3:] == ["open", 1, 2, "ended"]
    assert queue(tmp_path) == []


def test_a_killed_writer_is_replaced_by_the_follower_of_another_run(begin, calls, tmp_path):
    a = begin("a")
    wait_for(lambda: ("a", "open") in calls)
    b = begin("b")
    a.kill()
    a.log(1)  # what Aim has not seen yet
    wait_for(lambda: of(calls, "a")[-1:] == ["ended"])
    assert 1 in of(calls, "a")
    assert queue(tmp_path) == ["b"]
    b.end()


def test_a_run_that_is_killed_with_its_follower_has_ended(begin, calls, tmp_path):
    begin("a")
    b = begin("b")
    b.log(1)
    wait_for(lambda: ("b", 1) in calls)
    b.kill()
    wait_for(lambda: of(calls, "b")[-1:] == ["ended"])
    assert queue(tmp_path) == ["a"]


def test_a_run_without_its_follower_is_followed_by_others(begin, calls):
    begin("a")
    b = begin("b")
    wait_for(lambda: ("b", "open") in calls)
    b.kill_follower()
    b.log(1)
    wait_for(lambda: ("b", 1) in calls)
    assert "ended" not in of(calls, "b")
    b.folder.close()
    wait_for(lambda: of(calls, "b")[-1] == "ended")


def test_a_run_that_is_started_again_is_read_from_its_beginning(begin, calls):
    begin("a")
    b = begin("b")
    b.log(1)
    b.log(2)
    wait_for(lambda: ("b", 2) in calls)
    b.kill_follower()
    b.folder.close()
    (b.folder.path / METRICS).write_text('{"env_steps": 1}\n')
    begin("b").log(3)
    wait_for(lambda: of(calls, "b")[-3:] == ["open", 1, 3])


def test_a_damaged_run_keeps_out_no_other(begin, calls, tmp_path):
    begin("a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / METRICS).write_text("no JSON\n")
    b, c = begin("b"), begin("c")
    b.kill()
    c.log(1)
    wait_for(lambda: ("c", 1) in calls)
    assert len(of(calls, "b")) <= 4  # it is not tried again and again
    c.end()
    assert "ended" not in of(calls, "b")


def test_a_run_that_never_gets_its_turn_is_left_to_the_next_writer(
    begin, calls, tmp_path, monkeypatch
):
    monkeypatch.setattr(aim_follower, "_TURN_SECONDS", 0.0)
    other = FileLock(tmp_path / ".aim.lock")
    assert other.acquire()
    b = begin("b")
    b.log(1)
    b.end()
    assert f"python -m dsl.track {tmp_path}/b" in str(b.error)
    other.release()
    begin("a").end()
    assert of(calls, "b") == ["open", 1, "ended"]

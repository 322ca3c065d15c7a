import os
import signal
import subprocess
import sys

from dsl.records.file_lock import FileLock

_HOLD = """
import sys, time
from pathlib import Path
from dsl.records.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_only_one_holder_at_a_time(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire()
    assert second.holder().startswith(f"process {os.getpid()} on ")
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        lock = FileLock(path)
        assert not lock.acquire()
        assert f"process {process.pid} on " in lock.holder()
        process.send_signal(signal.SIGKILL)
    assert lock.acquire()
    assert f"process {os.getpid()} on " in lock.holder()
    lock.release()


def test_a_holder_without_a_name_is_unknown(tmp_path):
    path = tmp_path / "lock"
    path.write_text("[]")
    assert FileLock(path).holder() == "an unknown process"

"""Processes that measure rows of `gpu_suite.py`: all compile at once, then each measures alone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from gpu_record import Record
from gpu_rows import Row

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / "benchmarks" / "gpu_worker.py"
LEAST_SECONDS, AT_ONCE = 20.0, 16
# Rows of `fused_stack.py` compile while they are measured.
SILENT_SECONDS = 120.0


class Ended(NamedTuple):
    """Describes a process that has ended.

    Attributes:
        done: rows that it has measured.
        cause: how it ended, and its last line on standard error.
    """

    done: int
    cause: str


def measure_groups(groups: Sequence[list[Row]], record: Record, deadline: float) -> None:
    """Measure groups of rows, a process each; a row that breaks its process costs that row alone.

    Args:
        groups: rows that share a process.
        record: takes their outcomes.
        deadline: of `time.monotonic`; processes that are under way then are ended.
    """
    left = [list(group) for group in groups]
    while left and deadline - time.monotonic() > LEAST_SECONDS:
        now, left = left[:AT_ONCE], left[AT_ONCE:]
        ended = _measure_once(now, record, deadline)
        if time.monotonic() >= deadline:
            return
        for group, (done, cause) in zip(now, ended, strict=True):
            if done < len(group):
                record.add({"row": group[done], "error": cause})
            if done + 1 < len(group):
                left.append(group[done + 1 :])


def _measure_once(groups: list[list[Row]], record: Record, deadline: float) -> list[Ended]:
    """Measure groups until their processes have ended."""
    seconds = deadline - time.monotonic()
    with contextlib.ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in groups]
        workers = [_start(*of, seconds) for of in zip(groups, errors, strict=True)]
        timer = threading.Timer(seconds, lambda: [worker.kill() for worker in workers])
        timer.start()
        for worker in workers:
            worker.stdout.readline()  # "ready", or nothing if it has ended
        ended = []
        for worker, said in zip(workers, errors, strict=True):
            done = _outcomes(worker, record)
            ended.append(Ended(done, _cause(worker, said, record)))
        timer.cancel()
    return ended


def _start(rows: list[Row], errors: IO[str], seconds: float) -> subprocess.Popen:
    flags = f"{os.environ.get('XLA_FLAGS', '')} {rows[0].get('flags', '')}".strip()
    return subprocess.Popen(
        [sys.executable, str(WORKER), json.dumps(rows), f"{seconds:.0f}"],
        env={
            **os.environ,
            # Also where the package is not installed.
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            # Several share the memory of the device.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "XLA_FLAGS": flags,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


def _outcomes(worker: subprocess.Popen, record: Record) -> int:
    """Let a process measure, and record what it says; return the number of outcomes."""
    done, watch = 0, _watch(worker)
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for line in worker.stdout:
        if line.startswith("{"):
            record.add(json.loads(line))
            done += 1
            watch.cancel()
            watch = _watch(worker)
    worker.wait()
    watch.cancel()
    return done


def _cause(worker: subprocess.Popen, errors: IO[str], record: Record) -> str:
    """Say how a process has ended, and append what it printed to the log of the record."""
    errors.seek(0)
    text = errors.read()
    with open(record.path.with_suffix(".log"), "a") as log:
        log.write(text)
    lines = text.strip().splitlines()
    code = worker.returncode
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    if code == -signal.SIGKILL:
        how += f", which also ends what is silent for {SILENT_SECONDS:.0f} s"
    return f"the process ended ({how}): {lines[-1][:300] if lines else 'it printed nothing'}"


def _watch(worker: subprocess.Popen) -> threading.Timer:
    """End a process that says nothing for too long."""
    watch = threading.Timer(SILENT_SECONDS, worker.kill)
    watch.start()
    return watch

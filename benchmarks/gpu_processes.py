"""Processes that measure rows of `gpu_suite.py`: all compile at once, then each measures alone."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from gpu_record import Record
from gpu_rows import Row

WORKER = Path(__file__).resolve().parent / "gpu_worker.py"
LEAST_SECONDS, SILENT_SECONDS, AT_ONCE = 20.0, 60.0, 16


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
        done = _measure_once(now, record, deadline)
        lost = [group[count:] for group, count in zip(now, done, strict=True) if count < len(group)]
        if time.monotonic() < deadline:
            for group in lost:
                record.add({"row": group[0], "error": "the process ended"})
            left += [group[1:] for group in lost if group[1:]]


def _measure_once(groups: list[list[Row]], record: Record, deadline: float) -> list[int]:
    """Count the rows of each group that are done when its process has ended."""
    seconds = deadline - time.monotonic()
    with open(record.path.with_suffix(".log"), "ab") as log:
        workers = [_start(group, seconds, log) for group in groups]
        timer = threading.Timer(seconds, lambda: [worker.kill() for worker in workers])
        timer.start()
        for worker in workers:
            worker.stdout.readline()  # "ready", or nothing if it has ended
        done = [_outcomes(worker, record) for worker in workers]
        timer.cancel()
    return done


def _start(rows: list[Row], seconds: float, log) -> subprocess.Popen:
    flags = f"{os.environ.get('XLA_FLAGS', '')} {rows[0].get('flags', '')}".strip()
    return subprocess.Popen(
        [sys.executable, str(WORKER), json.dumps(rows), f"{seconds:.0f}"],
        # Several share the memory of the device.
        env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "XLA_FLAGS": flags},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
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


def _watch(worker: subprocess.Popen) -> threading.Timer:
    """End a process that says nothing for too long."""
    watch = threading.Timer(SILENT_SECONDS, worker.kill)
    watch.start()
    return watch

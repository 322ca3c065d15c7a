"""Runs the points of a sweep in processes of their own, some at a time."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from queue import Queue
from typing import BinaryIO

from dsl.errors import EXIT_USAGE, UsageError
from dsl.sweep.grid import FINISHED, Trial, seeds_together
from dsl.training.preemption import CODES


def listing(points: Sequence[Trial]) -> str:
    """The runs and how far they have come, a line each."""
    states = [point.state() for point in points]
    width = max(map(len, states))
    lines = [f"{s.ljust(width)}  {p.folder}" for s, p in zip(states, points, strict=True)]
    return "\n".join([*lines, f"{states.count(FINISHED)} of {len(points)} finished"])


def run_all(file: Path, points: Sequence[Trial], jobs: int, *, together: bool = False) -> int:
    """Run what is not finished.

    Args:
        file: the gin file.
        points: the runs of the sweep.
        jobs: processes at a time.
        together: whether those that differ in their seeds alone share a process.

    Returns:
        The exit code of the sweep.

    Raises:
        UsageError: no two of them differ in their seeds alone, but were to be trained together.
    """
    if together and len(seeds_together(points)) == len(points):
        raise UsageError(
            f"{file}: no two of its {len(points)} runs differ in their seeds alone. Leave "
            "--together away, or let sweep.grid vary 'SEED'."
        )
    left = [point for point in points if point.state() != FINISHED]
    print(f"{len(points)} runs, {len(points) - len(left)} finished already", flush=True)
    with Workers(jobs) as workers:
        codes = workers.run(file, seeds_together(left) if together else [[p] for p in left])
    if workers.stopped is not None:
        print("stopped; the same command goes on.", file=sys.stderr)
        return workers.stopped
    return EXIT_USAGE if any(codes) else 0


class Workers:
    """Processes at work, each on its share of the cores; signals are passed on to them.

    The main thread enters it.

    Attributes:
        stopped: the exit code that a signal asks for.
    """

    def __init__(self, jobs: int):
        """Args:
        jobs: how many at a time.
        """
        self.stopped: int | None = None
        self._jobs = jobs
        # A second signal may interrupt the handler of the first.
        self._lock = threading.RLock()
        self._under_way: set[subprocess.Popen[bytes]] = set()

    def __enter__(self) -> "Workers":
        self._before = {number: signal.signal(number, self._pass_on) for number in CODES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, file: Path, groups: Sequence[Sequence[Trial]]) -> list[int]:
        """Run the points, a process for each group; returns the exit codes."""
        shares: Queue[set[int]] = Queue()
        for share in _shares(self._jobs):
            shares.put(share)

        def work(group: Sequence[Trial]) -> int:
            share = shares.get()
            try:
                return self._run(file, group, share)
            finally:
                shares.put(share)

        with ThreadPoolExecutor(self._jobs) as pool:
            futures = [pool.submit(work, group) for group in groups]
            # In short waits: a signal's handler runs between them.
            while wait(futures, timeout=0.2).not_done:
                pass
            return [future.result() for future in futures]

    def _run(self, file: Path, group: Sequence[Trial], cores: set[int]) -> int:
        folder = group[0].folder
        log = folder.parent / f"{folder.name}.log"
        with _to_append(log) as output, self._lock:
            if self.stopped is not None:
                return self.stopped
            print(f"begins: {_named(group)}", flush=True)
            process = subprocess.Popen(
                _command(file, group),
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's signals come from here
            )
            os.sched_setaffinity(process.pid, cores)  # long before it counts them
            self._under_way.add(process)
        code = process.wait()
        with self._lock:
            self._under_way.discard(process)
        self._tell(group, code, log)
        return code

    def _tell(self, group: Sequence[Trial], code: int, log: Path) -> None:
        failed = [point for point in group if code and point.state() != FINISHED]
        for point in group:
            if point not in failed:
                print(f"finished: {point.folder}", flush=True)
        if code == 0:
            log.unlink()
        elif self.stopped is None:
            lines = log.read_text(errors="replace").strip().splitlines()
            said = lines[-1] if lines else "it said nothing"
            print(f"exit code {code}: {_named(failed)}: {said} (all of it: {log})", file=sys.stderr)

    def _pass_on(self, number: int, _frame: object) -> None:
        with self._lock:
            self.stopped = CODES[signal.Signals(number)]
            for process in self._under_way:
                process.send_signal(number)


def _to_append(log: Path) -> BinaryIO:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return open(log, "ab")
    except OSError as error:
        raise UsageError(
            f"{log}: cannot be written ({error.strerror}). Choose another place with --out."
        ) from error


def _shares(jobs: int) -> list[set[int]]:
    """Equal shares of the cores that this process may use; shared where there are too few."""
    cores = sorted(os.sched_getaffinity(0))
    if jobs >= len(cores):
        return [{cores[i % len(cores)]} for i in range(jobs)]
    return [set(cores[i::jobs]) for i in range(jobs)]


def _named(points: Sequence[Trial]) -> str:
    return ", ".join(str(point.folder) for point in points)


def _command(file: Path, group: Sequence[Trial]) -> list[str]:
    if len(group) == 1:
        (point,) = group
        run = [sys.executable, "-m", "dsl.run", str(file), "--out", str(point.folder)]
        return [*run, "--set", *point.overrides]
    runs = [["--run", str(point.folder), *point.overrides] for point in group]
    return [sys.executable, "-m", "dsl.cli.multi_seed", str(file), *itertools.chain(*runs)]

"""Run the trials of a sweep in processes of their own, several at a time."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from queue import Queue
from typing import BinaryIO

from dsl.errors import EXIT_USAGE, STOP_SIGNALS, UsageError, signals_to_handle
from dsl.records.durable_files import advise_on_write, describe_refused_write
from dsl.records.run_folder import find_user
from dsl.sweep.grid import FINISHED, Trial, group_by_seed
from dsl.sweep.grid_changes import apply_grid_change
from dsl.sweep.kept_trials import keep_trials, kept_file

_POLL_SECONDS = 0.2
# As `dsl.tracking.fan_out` reports it.
_LOST_VIEW = r"\w+ stopped: "
# What JAX and `dsl.training.own_word_errors` write below the line that names an error.
_AFTER_TRACEBACKS = (
    "-----",
    "For simplicity, JAX has removed its internal frames",
    "It was raised in a word of your own",
    "No line above is your own",
)


def describe_trials(trials: Sequence[Trial]) -> str:
    """Return the trials and how far they have come, one line each."""
    statuses = [trial.status() for trial in trials]
    width = max(map(len, statuses))
    lines = [f"{s.ljust(width)}  {t.folder}" for s, t in zip(statuses, trials, strict=True)]
    return "\n".join([*lines, f"{statuses.count(FINISHED)} of {len(trials)} finished"])


def run_trials(
    file: Path,
    trials: Sequence[Trial],
    jobs: int,
    cores: Set[int],
    *,
    vmap_seeds: bool = False,
    flags: Sequence[str] = (),
) -> int:
    """Run every trial that is not finished and return the exit code of the sweep.

    Args:
        file: the gin file.
        trials: all trials of the sweep.
        jobs: processes at a time.
        cores: CPU cores that they share.
        vmap_seeds: train trials that differ only in their seeds in one process.
        flags: further arguments of each run, such as `--force`.

    Raises:
        UsageError: `vmap_seeds`, but no two trials differ only in their seeds.
    """
    if vmap_seeds and len(group_by_seed(trials)) == len(trials):
        raise UsageError(
            f"{file}: no two of its {len(trials)} runs differ in their seeds alone. Drop "
            "--vmap-seeds, or let sweep.grid vary 'SEED'."
        )
    remaining = [trial for trial in trials if trial.status() != FINISHED]
    print(f"{len(trials)} runs, {len(trials) - len(remaining)} finished already", flush=True)
    groups = group_by_seed(remaining) if vmap_seeds else [[trial] for trial in remaining]
    # A killed sweep leaves runs behind, which are waited for before others are started beside them.
    groups.sort(key=lambda group: not any(find_user(trial.folder) for trial in group))
    apply_grid_change(trials, partial(print, flush=True))
    keep_trials(trials)
    commands = [command_line(group, flags) for group in groups]
    with WorkerPool(jobs, cores) as pool:
        codes = pool.run_groups(groups, commands)
    if pool.stop_code is not None:
        print("stopped; the same command resumes.", file=sys.stderr)
        return pool.stop_code
    return EXIT_USAGE if any(codes) else 0


class WorkerPool:
    """A limited number of processes, each on its share of the cores; passes signals on to them.

    Enter it in the main thread.

    Attributes:
        stop_code: the exit code that a signal asks for, or None.
    """

    def __init__(self, jobs: int, cores: Set[int]):
        """Args:
        jobs: processes at a time.
        cores: CPU cores that they share.
        """
        self.stop_code: int | None = None
        self._jobs, self._cores = jobs, cores
        # Reentrant, because a second signal may interrupt the handler of the first.
        self._lock = threading.RLock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def __enter__(self) -> "WorkerPool":
        self._old_handlers = {
            number: signal.signal(number, self._forward_signal) for number in signals_to_handle()
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)

    def run_groups(
        self, groups: Sequence[Sequence[Trial]], commands: Sequence[Sequence[str]]
    ) -> list[int]:
        """Run each group of trials by its command, in a process; return the exit codes."""
        shares: Queue[set[int]] = Queue()
        for share in _core_shares(self._jobs, self._cores):
            shares.put(share)

        def run_on_free_cores(group: Sequence[Trial], command: Sequence[str]) -> int:
            cores = shares.get()
            try:
                return self._run_group(group, command, cores)
            finally:
                shares.put(cores)

        with ThreadPoolExecutor(self._jobs) as pool:
            futures = list(map(partial(pool.submit, run_on_free_cores), groups, commands))
            # Python runs signal handlers only between waits of the main thread.
            while wait(futures, timeout=_POLL_SECONDS).not_done:
                pass
            return [future.result() for future in futures]

    def _run_group(self, group: Sequence[Trial], command: Sequence[str], cores: set[int]) -> int:
        """Run trials, unless another sweep of them is quicker: then wait for it, and see again."""
        log = group[0].folder.parent / f"{group[0].folder.name}.log"
        while True:
            if self._wait_until_free(group) and all(t.status() == FINISHED for t in group):
                code = 0
                break
            code = self._run_process(group, command, cores, log)
            is_used = any(find_user(trial.folder) for trial in group)
            if self.stop_code is not None or code != EXIT_USAGE or not is_used:
                break
        self._report_end(group, code, log)
        return code

    def _run_process(
        self, group: Sequence[Trial], command: Sequence[str], cores: set[int], log: Path
    ) -> int:
        with _open_to_append(log) as output, self._lock:
            if self.stop_code is not None:
                return self.stop_code
            print(f"starts: {_folder_list(group)}", flush=True)
            _pin_thread(cores)
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's signals are forwarded from here
            )
            self._running.add(process)
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def _wait_until_free(self, group: Sequence[Trial]) -> bool:
        """Wait for processes that train these trials already; they keep this job's place.

        Returns:
            Whether there was one.
        """
        told = None
        for trial in group:
            while self.stop_code is None and (user := find_user(trial.folder)):
                if user != told:
                    print(f"waits for {user}, which trains {trial.folder}", flush=True)
                    told = user
                time.sleep(_POLL_SECONDS)
        return told is not None

    def _report_end(self, group: Sequence[Trial], code: int, log: Path) -> None:
        failed = [trial for trial in group if code and trial.status() != FINISHED]
        for trial in group:
            if trial not in failed:
                print(f"finished: {trial.folder}", flush=True)
        if code == 0 and (lost := _lost_views(log)):
            print(f"{_folder_list(group)}: {'; '.join(lost)} (full output: {log})", file=sys.stderr)
        elif code == 0:
            log.unlink(missing_ok=True)
        elif self.stop_code is None:
            print(_describe_failure(failed, code, log), file=sys.stderr, flush=True)

    def _forward_signal(self, number: int, _frame: object) -> None:
        with self._lock:
            self.stop_code = STOP_SIGNALS[signal.Signals(number)]
            for process in self._running:
                process.send_signal(number)


def _open_to_append(log: Path) -> BinaryIO:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return open(log, "ab")
    except OSError as error:
        message = describe_refused_write(log, error)
        raise UsageError(f"{message} {advise_on_write(error)}") from error


def _describe_failure(failed: Sequence[Trial], code: int, log: Path) -> str:
    if code < 0:  # its last line tells how far it had come, and not why it ended
        cause = f"signal {-code} ({signal.strsignal(-code)})"
        return f"ended by {cause}: {_folder_list(failed)}; the same command resumes (output: {log})"
    if code in STOP_SIGNALS.values():
        return (
            f"exit code {code}: {_folder_list(failed)}: stopped and saved; the same command resumes"
        )
    return f"exit code {code}: {_folder_list(failed)}: {_last_line(log)} (full output: {log})"


def _lost_views(log: Path) -> list[str]:
    """Return what a run said of trackers, such as Aim, that do not show all of it."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if re.match(_LOST_VIEW, line)]


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError as error:
        return f"its log cannot be read ({error.strerror})"
    while lines and lines[-1].startswith(_AFTER_TRACEBACKS):
        lines.pop()
    return lines[-1] if lines else "no output"


def _pin_thread(cores: set[int]) -> None:
    """Restrict the calling thread to some cores, and with it the processes that it starts.

    A child inherits the cores of the thread that starts it, so it never sees the others.
    """
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        os.sched_setaffinity(0, cores)


def _core_shares(jobs: int, cores: Set[int]) -> list[set[int]]:
    """Divide cores into equal shares; jobs share a core if there are too few."""
    ordered = sorted(cores)
    if jobs >= len(ordered):
        return [{ordered[i % len(ordered)]} for i in range(jobs)]
    return [set(ordered[i::jobs]) for i in range(jobs)]


def _folder_list(trials: Sequence[Trial]) -> str:
    return ", ".join(str(trial.folder) for trial in trials)


def command_line(group: Sequence[Trial], flags: Sequence[str] = ()) -> list[str]:
    """Return the command that runs one trial, or several that differ only in their seeds.

    It reads what `keep_trials` has kept, and not the sweep's own file, which may change meanwhile.
    """
    runs = [(str(trial.folder), str(kept_file(trial))) for trial in group]
    if len(runs) == 1:
        ((folder, file),) = runs
        return [sys.executable, "-m", "dsl.run", file, "--out", folder, *flags]
    named = itertools.chain(*(("--run", *run) for run in runs))
    return [sys.executable, "-m", "dsl.cli.multi_seed", *flags, *named]

"""Follows the runs of a process into Aim: `python -m dsl.tracking.aim_follower FOLDERS`.

A process of its own, so that nothing in Aim (a slow import, a lock that waits for minutes, a
crash in its database, a warning) can touch training. It reads what the run has written to its
folder, sees the end of its input when the run has ended, even by force, and then closes Aim
properly. Exit status 0 when all of the run is in Aim; otherwise the last line of its output
says why not.

An Aim repository has one writer at a time. Among the followers of runs that lie side by side, it is
the one that holds the repository's lock, and it copies all of these runs. When its own run ends, it
releases the lock, which another one takes.
"""

import select
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from dsl.errors import STOP_SIGNALS
from dsl.tracking.aim_copiers import AimCopiers
from dsl.tracking.aim_queue import QueuedRun, queued_runs
from dsl.tracking.aim_repository import rebuild_advice, repository_lock, repository_path

_POLL_SECONDS = 0.5
# The run waits for this process at its end, but not for long.
_TURN_SECONDS = 45.0
_OTHERS_SECONDS = 15.0


def follow_runs(folders: Sequence[Path], wait_for_end: Callable[[float], bool]) -> None:
    """Copy runs into Aim until they have ended, or see to it that another process does.

    Args:
        folders: the runs' folders, side by side.
        wait_for_end: waits at most the given seconds and returns whether the runs have ended.

    Raises:
        TimeoutError: another process wrote the repository all the time, and not all of the runs.
    """
    root = folders[0].parent
    runs = [QueuedRun(folder) for folder in folders]
    lock = repository_lock(root)
    ended_at = None
    try:
        while not lock.acquire():
            ended = _refresh_queue(runs, wait_for_end)
            if ended and all(run.read_mark() is None for run in runs):
                return
            if ended:
                ended_at = ended_at or time.monotonic()
                _require_turn(folders, ended_at)
                time.sleep(_POLL_SECONDS)
        _write_queued_runs(runs, root, wait_for_end)
    finally:
        lock.release()
        for run in runs:
            run.leave()


def _write_queued_runs(
    runs: Sequence[QueuedRun], root: Path, wait_for_end: Callable[[float], bool]
) -> None:
    """Copy every queued run until those of this process have ended."""
    own = {run.folder for run in runs}
    with AimCopiers(root) as copiers:
        ended = False
        while not ended:
            ended = _refresh_queue(runs, wait_for_end)
            for run in runs:
                copiers.catch_up(run)
            _catch_up_others([run for run in queued_runs(root) if run.folder not in own], copiers)


def _refresh_queue(runs: Sequence[QueuedRun], wait_for_end: Callable[[float], bool]) -> bool:
    """Keep this process's runs in the queue, and return whether they have ended."""
    ended = wait_for_end(_POLL_SECONDS)
    for run in runs:
        if ended:
            run.mark_ended()
        else:
            run.enter()
    return ended


def _catch_up_others(others: Sequence[QueuedRun], copiers: AimCopiers) -> None:
    """Copy what is new of other processes' runs; what takes too long stays for the next time."""
    started = time.monotonic()
    for run in others:
        if time.monotonic() - started > _OTHERS_SECONDS:
            return
        try:
            copiers.catch_up(run)
        except Exception:  # one damaged run must not keep out the others
            copiers.give_up(run)
            traceback.print_exc()


def _require_turn(folders: Sequence[Path], ended_at: float) -> None:
    if time.monotonic() - ended_at <= _TURN_SECONDS:
        return
    root = folders[0].parent
    named = " ".join(shlex.quote(str(folder)) for folder in folders)
    raise TimeoutError(
        f"{repository_path(root)} is in use by {repository_lock(root).holder()}. The next run that "
        f"writes there adds this one; to add it yourself: python -m dsl.track {named}"
    )


def _input_ended(seconds: float) -> bool:
    # Nothing is ever written to this process: readable input is the end of input.
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def main() -> int:
    """Follow the runs named on the command line."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # meant for the run, which tells when it is over
    folders = [Path(name) for name in sys.argv[1:]]
    try:
        follow_runs(folders, _input_ended)
    except Exception as error:
        traceback.print_exc()
        print(_describe_error(folders[0].parent, error), file=sys.stderr)
        return 1
    return 0


def _describe_error(root: Path, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed (pip install aim, which needs Python 3.11 or 3.12)."
    if isinstance(error, TimeoutError):
        return str(error)
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    return f"{repository_path(root)} cannot be written ({what}). {rebuild_advice(root)}"


if __name__ == "__main__":
    sys.exit(main())

"""Follows the runs of a process into Aim: `python -m dsl.tracking.aim_follower FOLDERS`.

A process of its own, so that nothing in Aim (a slow import, a lock that waits for minutes, a
crash in its database, a warning) can touch training. It reads what the run has written to its
folder, sees the end of its input when the run has ended, even by force, and then closes Aim
properly. Exit status 0 when all of the run is in Aim; otherwise the last line of its output
says why not.
"""

import select
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dsl.errors import STOP_SIGNALS
from dsl.records.metrics_log import read_metrics_from
from dsl.records.run_folder import METRICS, PICTURES
from dsl.tracking.aim_repository import (
    forget_left_run,
    leave_for_next,
    left_runs,
    repository_lock,
    repository_path,
)

if TYPE_CHECKING:
    from dsl.tracking.aim_writer import AimWriter

_POLL_SECONDS = 0.5
# The run waits for this process at its end, but not for long.
_LEFT_RUNS_SECONDS = 30.0


def follow_runs(folders: Sequence[Path], wait_for_end: Callable[[float], bool]) -> None:
    """Copy runs into Aim until they have ended, waiting first until no other process writes there.

    Args:
        folders: the runs' folders, side by side.
        wait_for_end: waits at most the given seconds and returns whether the runs have ended.

    Raises:
        TimeoutError: the runs had ended before the repository was free.
    """
    root = folders[0].parent
    lock = repository_lock(root)
    while not lock.acquire():
        if wait_for_end(_POLL_SECONDS):
            leave_for_next(folders)
            if lock.acquire():  # freed meanwhile by a process that may have seen none of it
                break
            named = " ".join(shlex.quote(str(folder)) for folder in folders)
            raise TimeoutError(
                f"{repository_path(root)} was in use by {lock.holder()} all the time, which adds "
                f"this run before it ends. To add it by hand: python -m dsl.track {named}"
            )
    try:
        copy_runs(folders, root, wait_for_end)
        _copy_left_runs(root)
    finally:
        lock.release()


def _copy_left_runs(root: Path) -> None:
    """Copy runs whose own process never got its turn; those that take too long stay for others."""
    started = time.monotonic()
    for folder in left_runs(root):
        if time.monotonic() - started > _LEFT_RUNS_SECONDS:
            return
        try:
            copy_runs([folder], root, lambda _: True)
        except Exception:  # one damaged run must not keep out the others
            traceback.print_exc()
        else:
            forget_left_run(folder)


def copy_runs(folders: Sequence[Path], root: Path, wait_for_end: Callable[[float], bool]) -> None:
    """Write everything that runs record into Aim, until they have ended.

    Args:
        folders: the runs' folders.
        root: the folder that holds the repository.
        wait_for_end: as for `follow_runs`.
    """
    from dsl.tracking.aim_writer import AimWriter

    with ExitStack() as trackers:
        copies = []
        for folder in folders:
            tracker = AimWriter(folder, root)
            trackers.callback(tracker.close)
            copies.append(_RunCopier(folder, tracker))
        last = False
        while not last:
            last = wait_for_end(_POLL_SECONDS)
            for each in copies:
                each.catch_up()


class _RunCopier:
    """Copies one run into Aim, each time what is new."""

    def __init__(self, folder: Path, tracker: "AimWriter"):
        self._folder, self._tracker = folder, tracker
        self._offset, self._seen = 0, dict[Path, int]()

    def catch_up(self) -> None:
        """Copy what is new."""
        epochs, self._offset = read_metrics_from(self._folder / METRICS, self._offset)
        for metrics in epochs:
            self._tracker.log(metrics)
        pictures = self._folder / PICTURES
        for path in sorted([*pictures.glob("*.png"), *pictures.glob("*.gif")]):
            changed = path.stat().st_mtime_ns
            if self._seen.get(path) != changed:
                self._seen[path] = changed
                # A film keeps its ending, which tells it from the picture of the same name.
                self._tracker.picture(path.name.removesuffix(".png"), path)


def _input_ended(seconds: float) -> bool:
    # Nothing is ever written to this process: readable input is the end of input.
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def rebuild_advice(root: Path) -> str:
    """Return what to do about a repository that cannot be written."""
    return f"If it is damaged: python -m dsl.track --rebuild {shlex.quote(str(root))}"


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
        return f"{error.name} is not installed (pip install aim)."
    if isinstance(error, TimeoutError):
        return str(error)
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    return f"{repository_path(root)} cannot be written ({what}). {rebuild_advice(root)}"


if __name__ == "__main__":
    sys.exit(main())

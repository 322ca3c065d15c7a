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
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dsl.records.metrics_log import read_from
from dsl.records.run_folder import METRICS, PICTURES
from dsl.tracking.aim_repository import repository, repository_lock

if TYPE_CHECKING:
    from dsl.tracking.aim_writer import AimWriter

_POLL_SECONDS = 0.5


def follow(folders: Sequence[Path], over: Callable[[float], bool]) -> None:
    """Copy runs into Aim until they are over, waiting first until no other process writes there.

    Args:
        folders: the runs' folders, side by side.
        over: waits at most so many seconds and says whether the runs have ended.

    Raises:
        TimeoutError: the run was over before the repository was free.
    """
    root = folders[0].parent
    lock = repository_lock(root)
    while not lock.acquire():
        if over(_POLL_SECONDS):
            named = " ".join(shlex.quote(str(folder)) for folder in folders)
            raise TimeoutError(
                f"{repository(root)} was in use by {lock.holder()} all the time. To add what is "
                f"missing: python -m dsl.track {named}"
            )
    try:
        copy(folders, root, over)
    finally:
        lock.release()


def copy(folders: Sequence[Path], root: Path, over: Callable[[float], bool]) -> None:
    """Hand Aim all that runs have recorded, until they are over.

    Args:
        folders: of the runs.
        root: the folder that holds the repository.
        over: as for `follow`.
    """
    from dsl.tracking.aim_writer import AimWriter

    with ExitStack() as trackers:
        copies = []
        for folder in folders:
            tracker = AimWriter(folder, root)
            trackers.callback(tracker.close)
            copies.append(_Copy(folder, tracker))
        last = False
        while not last:
            last = over(_POLL_SECONDS)
            for each in copies:
                each.catch_up()


class _Copy:
    """How much of a run a tracker has been handed."""

    def __init__(self, folder: Path, tracker: "AimWriter"):
        self._folder, self._tracker = folder, tracker
        self._offset, self._seen = 0, dict[Path, int]()

    def catch_up(self) -> None:
        """Hand on what is new."""
        epochs, self._offset = read_from(self._folder / METRICS, self._offset)
        for metrics in epochs:
            self._tracker.log(metrics)
        pictures = self._folder / PICTURES
        for path in sorted([*pictures.glob("*.png"), *pictures.glob("*.gif")]):
            changed = path.stat().st_mtime_ns
            if self._seen.get(path) != changed:
                self._seen[path] = changed
                # A film has the name of its file, to lie beside the picture of the same name.
                self._tracker.picture(path.name.removesuffix(".png"), path)


def _input_ended(seconds: float) -> bool:
    # Nothing is ever written to this process: readable input is the end of input.
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def advice(root: Path) -> str:
    """What to do about a repository that cannot be written."""
    return f"If it is damaged: python -m dsl.track --rebuild {shlex.quote(str(root))}"


def main() -> int:
    """Follow the runs named on the command line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # meant for the run, which tells when it is over
    folders = [Path(name) for name in sys.argv[1:]]
    try:
        follow(folders, _input_ended)
    except Exception as error:
        traceback.print_exc()
        print(_in_words(folders[0].parent, error), file=sys.stderr)
        return 1
    return 0


def _in_words(root: Path, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed (pip install aim)."
    if isinstance(error, TimeoutError):
        return str(error)
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    return f"{repository(root)} cannot be written ({what}). {advice(root)}"


if __name__ == "__main__":
    sys.exit(main())

"""Follows one run into Aim: `python -m dsl.tracking.aim_follower FOLDER`.

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
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dsl.run_folder import METRICS, PICTURES
from dsl.tracking.aim_repository import repository, repository_lock
from dsl.tracking.jsonl import read_from

if TYPE_CHECKING:
    from dsl.tracking.aim_tracker import AimTracker

_POLL_SECONDS = 0.5


def follow(folder: Path, over: Callable[[float], bool]) -> None:
    """Copy a run into Aim until it is over, waiting first until no other run writes there.

    Args:
        folder: the run's folder.
        over: waits at most so many seconds and says whether the run has ended.

    Raises:
        TimeoutError: the run was over before the repository was free.
    """
    root = folder.parent
    lock = repository_lock(root)
    while not lock.acquire():
        if over(_POLL_SECONDS):
            raise TimeoutError(
                f"{repository(root)} was in use by {lock.holder()} all the time. To add this "
                f"run: python -m dsl.track {shlex.quote(str(folder))}"
            )
    from dsl.tracking.aim_tracker import AimTracker

    try:
        tracker = AimTracker(folder, root)
        try:
            copy(folder, tracker, over)
        finally:
            tracker.close()
    finally:
        lock.release()


def copy(folder: Path, tracker: "AimTracker", over: Callable[[float], bool]) -> None:
    """Hand a tracker all that a run has recorded, until the run is over."""
    offset = 0
    seen: dict[Path, int] = {}
    last = False
    while not last:
        last = over(_POLL_SECONDS)
        epochs, offset = read_from(folder / METRICS, offset)
        for metrics in epochs:
            tracker.log(metrics)
        _copy_pictures(folder / PICTURES, tracker, seen)


def _copy_pictures(pictures: Path, tracker: "AimTracker", seen: dict[Path, int]) -> None:
    for path in sorted([*pictures.glob("*.png"), *pictures.glob("*.gif")]):
        changed = path.stat().st_mtime_ns
        if seen.get(path) != changed:
            seen[path] = changed
            # A film has the name of its file, to lie beside the picture of the same name.
            tracker.picture(path.name.removesuffix(".png"), path)


def _input_ended(seconds: float) -> bool:
    # Nothing is ever written to this process: readable input is the end of input.
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def advice(root: Path) -> str:
    """What to do about a repository that cannot be written."""
    return f"If it is damaged: python -m dsl.track --rebuild {shlex.quote(str(root))}"


def main() -> int:
    """Follow the run named on the command line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # meant for the run, which tells when it is over
    folder = Path(sys.argv[1])
    try:
        follow(folder, _input_ended)
    except Exception as error:
        traceback.print_exc()
        print(_in_words(folder, error), file=sys.stderr)
        return 1
    return 0


def _in_words(folder: Path, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed (pip install aim)."
    if isinstance(error, TimeoutError):
        return str(error)
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    root = folder.parent
    return f"{repository(root)} cannot be written ({what}). {advice(root)}"


if __name__ == "__main__":
    sys.exit(main())

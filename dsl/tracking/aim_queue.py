"""Lists the runs that wait to be copied into an Aim repository, by whichever process writes it.

ROOT/.aim_queue/RUN lies there from the start of a run until all of it is in Aim. The process that
sees to the run holds a lock on it, which ends with that process, even if it is killed.
"""

from pathlib import Path
from typing import NamedTuple

from dsl.records.durable_files import list_if_present
from dsl.records.file_lock import FileLock
from dsl.records.run_folder import find_user

_QUEUE = ".aim_queue"
_ENDED = b"ended"


class QueueMark(NamedTuple):
    """What differs whenever a run is started again.

    Attributes:
        text: of the run's entry in the queue.
        written: when, in nanoseconds.
    """

    text: bytes
    written: int


class QueuedRun:
    """A run that waits to be in Aim, or is followed there.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._entry = folder.parent / _QUEUE / folder.name
        self._lock = FileLock(self._entry)
        self._is_marked = False

    def enter(self) -> None:
        """Queue the run for its own process, if it is not: the entry of an earlier one may end."""
        if not self._entry.exists():
            self._lock.release()
            self._entry.parent.mkdir(exist_ok=True)
        self._lock.acquire()

    def mark_ended(self) -> None:
        """Say that the run records nothing more, although its process still waits for Aim."""
        if self._is_marked:
            return  # the writer may have taken it off the queue since then
        self.enter()
        if self._lock.acquire():
            self._entry.write_bytes(_ENDED)
            self._is_marked = True

    def leave(self) -> None:
        """Say that this process no longer sees to the run."""
        self._lock.release()

    def read_mark(self) -> QueueMark | None:
        """Return the run's mark, or None if it is not queued."""
        try:
            text, written = self._entry.read_bytes(), self._entry.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return QueueMark(text, written) if self.folder.is_dir() else None

    def has_ended(self, mark: QueueMark) -> bool:
        """Return whether the run records nothing more: it has said so, or it has been killed."""
        if mark.text == _ENDED:
            return True
        return not self._lock.is_held() and find_user(self.folder) is None

    def remove(self, mark: QueueMark) -> None:
        """Take the run off the queue, unless it has been started again since `mark` was read."""
        if self.read_mark() == mark:
            self._entry.unlink(missing_ok=True)


def queued_runs(root: Path) -> list[QueuedRun]:
    """Return every run of a folder that waits to be in Aim."""
    entries = list_if_present(root / _QUEUE)
    return [QueuedRun(root / entry.name) for entry in sorted(entries)]

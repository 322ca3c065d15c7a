"""Where the Aim repository of a run lies, and who may write it."""

from pathlib import Path

from dsl.file_lock import FileLock


def repository(folder: Path) -> Path:
    """The Aim repository that shows this run, shared with the runs beside it."""
    return folder.parent / ".aim"


def repository_lock(folder: Path) -> FileLock:
    """The lock of that repository, which corrupts under two writers.

    It lies beside `.aim`, because Aim takes a `.aim` that it did not make for an outdated one.
    """
    return FileLock(folder.parent / ".aim.lock")

"""Reading files with a reason when that fails, and writing them so that a crash leaves a whole one.

A file that cannot be read now (a file server that is away, too many open files, another user's
file) may be perfectly healthy. Callers must never mistake it for a missing or a damaged one.
"""

import contextlib
import errno
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

from dsl.errors import RecordError, UsageError
from dsl.records.console_output import write_line

REMEDIES = {
    errno.ENOSPC: "Make room on that disk",
    errno.EDQUOT: "Make room within your quota",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "Have its owner give you permission to write there",
    errno.EPERM: "Have its owner give you permission to write there",
    errno.EROFS: "Mount that file system for writing",
    errno.EEXIST: "Move away what has its name",
    errno.ENOTDIR: "Move away the file that has the name of a folder",
    errno.EISDIR: "Move away the folder that has the name of a file",
    errno.ENOENT: "Bring its folder back",
    errno.ELOOP: "Remove the link that leads back to itself",
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
}


# Reasons why a file cannot be read that will not pass.
_LASTING = (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


class UnreadableError(UsageError):
    """A file cannot be read now, which says nothing about its contents.

    Args:
        path: the file or folder.
        reason: why the system refuses it.
    """

    def __init__(self, path: Path, reason: OSError | str):
        text = reason if isinstance(reason, str) else _explain_refusal(path, reason, "read")
        if isinstance(reason, OSError) and reason.errno in _LASTING:
            message = f"cannot be read ({text}); nothing was changed. {remedy(reason)}."
        else:
            message = (
                f"cannot be read now ({text}); nothing was changed. "
                "Repeat the command when it can be read."
            )
        super().__init__(f"{path}: {message}")


@contextlib.contextmanager
def refusing_unreadable(path: Path) -> Iterator[None]:
    """Raise `UnreadableError` for every `OSError` in the block but a missing file.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: it cannot be read now.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(path, error) from error


def read_if_present(path: Path) -> bytes | None:
    """Return the contents of a file, or None if there is no such file.

    Raises:
        UnreadableError: it cannot be read now.
    """
    try:
        with refusing_unreadable(path), open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def list_if_present(folder: Path) -> list[Path]:
    """Return what lies in a folder, nothing if there is no such folder.

    Raises:
        UnreadableError: it cannot be read now.
    """
    try:
        with refusing_unreadable(folder):
            return [folder / name for name in os.listdir(folder)]
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def refusing_unwritable(path: Path) -> Iterator[None]:
    """Raise `RecordError` for every `OSError` in the block, which writes what a run cannot lack.

    Raises:
        RecordError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{describe_refused_write(path, error)} A run stops where its record cannot be kept; "
            f"what was recorded before is whole. {advise_on_write(error)}"
        ) from error


@contextlib.contextmanager
def reporting_unwritable(path: Path) -> Iterator[None]:
    """Report every `OSError` in the block, which writes what a run can do without, in one line."""
    try:
        yield
    except OSError as error:
        write_line(
            f"{describe_refused_write(path, error)} The run continues without it, and its metrics "
            "and checkpoints are not affected."
        )


def describe_refused_write(path: Path, error: OSError) -> str:
    """Say in a sentence that a file or folder cannot be written, and why."""
    return f"{path}: cannot be written ({_explain_refusal(path, error, 'written')})."


def remedy(error: OSError) -> str:
    """Return what may help against the reason why something cannot be written."""
    return REMEDIES.get(error.errno or 0, "Repeat the command when it can be written")


def advise_on_write(error: OSError) -> str:
    """Return, as a sentence, what a user may do who has chosen where to write."""
    return f"{remedy(error)}, or choose another place with --out."


def write_record(path: Path, text: str) -> None:
    """Write a whole text file of a run's record or, whatever happens, leave what was there.

    Raises:
        RecordError: it cannot be written.
    """
    with refusing_unwritable(path):
        write_atomically(path, text)


def write_atomically(path: Path, text: str) -> None:
    """Write a whole text file or, whatever happens, leave what was there.

    Raises:
        OSError: the text cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        _remove_if_possible(temporary)
        raise
    sync_path(path.parent)  # without it a power cut may undo the rename


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all, over whatever has the target's name.

    Raises:
        OSError: it cannot be written.
    """
    temporary = target.with_name(f".{target.stem}.tmp")
    try:
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    except OSError:
        _remove_if_possible(temporary)
        raise


def sync_path(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_name(path: Path, suffix: str) -> Path:
    """Return `path` with `suffix` and the first number that no other file has."""
    number = 1
    while (free := path.with_name(f"{path.name}{suffix}{number}")).exists():
        number += 1
    return free


def _remove_if_possible(path: Path) -> None:
    """Remove what a failed write left; a second failure must not hide the reason for the first."""
    with contextlib.suppress(OSError):
        path.unlink()


def _explain_refusal(path: Path, error: OSError, wanted: str) -> str:
    reason = error.strerror or str(error)
    owner = _other_owner(path) if error.errno in (errno.EACCES, errno.EPERM) else None
    return f"{reason}: it belongs to {owner} and cannot be {wanted} by you" if owner else reason


def _other_owner(path: Path) -> str | None:
    """Return who owns a path, or the nearest folder above it that can be seen, if not this user."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            owner = place.stat().st_uid
            return None if owner == os.getuid() else _user_name(owner)
    return None


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a user of another machine that shares the disk
        return f"user {number}"

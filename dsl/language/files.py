"""Reading one text file, whatever it may be."""

import os
from pathlib import Path

from dsl.language.suggest import did_you_mean, nearest

_LARGEST = 1_000_000  # bytes
_LONGEST_LINE = 10_000


class UnreadableError(Exception):
    """A file that is no gin file; the message completes `cannot read it: ...`."""


def read_text(path: Path) -> str:
    """The text of a gin file.

    Raises:
        UnreadableError: it is missing, a folder, too large or no text.
    """
    try:
        text = _content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is not text in UTF-8; save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{getattr(error, 'strerror', None) or error}.") from None
    if "\0" in text:
        raise UnreadableError("it is not text in UTF-8: it has null characters.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        # gin reads long lines in quadratic time.
        if len(line) > _LONGEST_LINE:
            raise UnreadableError(
                f"line {number} has {len(line):,} characters; {_LONGEST_LINE:,} are the most."
            )
    return text


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableError("it is a folder.")
    if not path.exists():
        raise UnreadableError("there is no such file.")
    if not path.is_file():
        raise UnreadableError("it is no ordinary file.")
    _refuse_large(path.stat().st_size)
    # What passes for a file under /proc may tell no size, or keep its reader waiting for ever.
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
        content = file.read(_LARGEST + 1) or b""
    _refuse_large(len(content))
    return content


def _refuse_large(size: int) -> None:
    if size > _LARGEST:
        raise UnreadableError(f"it has {size:,} bytes; a gin file has {_LARGEST:,} at most.")


def displayed(path: Path) -> str:
    """The path as given, or relative to the working directory where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # another drive, or a working directory that is gone
        return str(path)
    return min(str(path), relative, key=len)


def similar_file(path: Path) -> str:
    """` Did you mean ...?` with a gin file of the same folder, where `path` does not exist."""
    try:
        others = {p.stem: p for p in path.parent.glob("*.gin") if p.exists()}
        similar = None if path.exists() else nearest(path.stem, others)
    except (OSError, ValueError):
        return ""
    return did_you_mean(displayed(others[similar])) if similar else ""

"""The standard streams of a command: what they refuse is dropped, so that it stops nothing.

A reader may leave (`| head`), a disk may be full, a terminal may be gone or never have been there
(`>&-`). Training continues all the same. A command whose only product is text prints it with
`print_text`, which tells whether it arrived.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from dsl.errors import UsageError


class ReaderLeftError(Exception):
    """The reader of a command's output wants no more of it, as `head` after some lines."""


class DroppingFile(io.FileIO):
    """A descriptor that drops what cannot be written to it.

    Attributes:
        error: why something was dropped first, or None.
    """

    error: OSError | None = None

    def write(self, data) -> int:
        """Write what can be written, and claim to have written everything."""
        try:
            written = super().write(data)
        except OSError as error:
            self.error = self.error or error
            return len(data)
        return len(data) if written is None else written


@contextlib.contextmanager
def dropping_streams() -> Iterator[None]:
    """Let the standard streams drop what they cannot write, in the `with` block.

    Streams that a notebook or a test has put in their place are left alone.
    """
    _reserve_descriptors()
    before = sys.stdout, sys.stderr
    if sys.stdout is sys.__stdout__:
        sys.stdout = _make_stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _make_stream(2, sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def print_text(text: str) -> None:
    """Print the product of a command.

    Raises:
        ReaderLeftError: its reader has left.
        UsageError: it cannot be written.
    """
    print(text)
    require_printed()


def require_printed() -> None:
    """Raise an error if something that was printed has been dropped.

    Raises:
        ReaderLeftError: its reader has left.
        UsageError: it cannot be written.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, DroppingFile) else None
    if isinstance(error, BrokenPipeError):
        raise ReaderLeftError from error
    if error is not None:
        raise UsageError(f"the output cannot be written ({error.strerror}).") from error


def _make_stream(descriptor: int, like: TextIO | None) -> TextIO:
    """Return a text stream that drops what it cannot write, and escapes what it cannot encode."""
    return io.TextIOWrapper(
        io.BufferedWriter(DroppingFile(descriptor, "w", closefd=False)),
        encoding="utf-8" if like is None else like.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def _reserve_descriptors() -> None:
    """Open the standard descriptors that are closed.

    Otherwise the next file that is opened, a run's record perhaps, becomes the standard output.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number; writing is an error still

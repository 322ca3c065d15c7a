"""Prints lines for the user that training can do without."""

import contextlib
import os
import sys
from typing import TextIO

from tqdm import tqdm


def write_line(line: str, stream: TextIO | None = None) -> None:
    """Print a line, or nothing if the stream refuses it.

    A pipe that nobody reads, a full disk or a closed stream must never end training. A progress bar
    on the same terminal stays whole.

    Args:
        line: what to print.
        stream: where to; by default the standard error stream.
    """
    stream = sys.stderr if stream is None else stream
    if stream is not None:  # as in a process that was started without one
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(line, file=stream)


def has_width(stream: TextIO) -> bool:
    """Return whether this is a terminal; some claim to be one and have no columns to draw in."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError):
        return False

"""Prints lines for the user that training can do without."""

import contextlib
import sys

from tqdm import tqdm


def write_line(line: str) -> None:
    """Print a line to the standard error stream, or nothing if that refuses it.

    A pipe that nobody reads, a full disk or a closed stream must never end training. A progress bar
    on the same terminal stays whole.
    """
    if sys.stderr is not None:  # as in a process that was started without one
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(line, file=sys.stderr)

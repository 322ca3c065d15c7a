"""Writes messages to the user."""

import sys

from tqdm import tqdm


def say(line: str) -> None:
    """Print a line to the standard error stream; a progress bar there stays whole."""
    tqdm.write(line, file=sys.stderr)

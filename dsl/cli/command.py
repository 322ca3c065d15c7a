"""What all commands have in common: arguments, errors in a line, and exit codes."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from dsl.errors import RecordError, UsageError

USAGE, NON_FINITE, INTERRUPTED, NO_READER = 2, 3, 130, 141


def exit_code(action: Callable[[], int], *, debug: bool = False) -> int:
    """Do something, and say in a line what a user can mend.

    Args:
        action: returns the exit code.
        debug: whether errors are raised instead, with their tracebacks.
    """
    try:
        code = action()
        sys.stdout.flush()
        return code
    except (UsageError, RecordError) as error:
        if debug:
            raise
        print(error, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # `| head` has read enough; what Python still holds has nowhere to go when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER


def add_overrides(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add `--set NAME=VALUE ...`, which may come several times, as the list `set`."""
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=meaning
    )


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Add `--debug`."""
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")


def positive(text: str) -> int:
    """An argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def folder(name: str) -> Path:
    """An argument that names a folder."""
    if not name:  # a shell variable that is not set, not the working directory
        raise argparse.ArgumentTypeError("the name is empty.")
    return Path(name)

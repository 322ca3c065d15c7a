"""What all commands have in common: errors in a line, and exit codes."""

import sys
from collections.abc import Callable

from dsl.errors import RecordError, UsageError

USAGE, NON_FINITE, INTERRUPTED = 2, 3, 130


def exit_code(action: Callable[[], int], *, debug: bool = False) -> int:
    """Do something, and say in a line what a user can mend.

    Args:
        action: returns the exit code.
        debug: whether errors are raised instead, with their tracebacks.
    """
    try:
        return action()
    except (UsageError, RecordError) as error:
        if debug:
            raise
        print(error, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return INTERRUPTED

"""Errors that a user can fix, and the exit codes of all commands.

The command line prints these errors without a traceback.
"""

EXIT_USAGE, EXIT_NON_FINITE, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 3, 130, 141


class UsageError(Exception):
    """A request that cannot be met; the message says where, what was found and what to do."""


class RecordError(Exception):
    """A record of a run that can no longer be written, so that further results would be lost."""

"""Errors that a user can fix, and the exit codes of all commands.

The command line prints these errors without a traceback.
"""

import signal

EXIT_USAGE, EXIT_NON_FINITE, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 3, 130, 141

# Signals that stop training once its state is saved, and what a run then exits with: what a shell
# reports for a process that the signal ended. Clusters send SIGUSR1 or SIGUSR2 as they choose some
# minutes before they take a machine away; EX_TEMPFAIL asks to be queued again.
EXIT_REQUEUE = 75
STOP_SIGNALS = {
    signal.SIGTERM: 143,
    signal.SIGINT: EXIT_INTERRUPTED,
    signal.SIGHUP: 129,
    signal.SIGXCPU: 152,
    signal.SIGUSR1: EXIT_REQUEUE,
    signal.SIGUSR2: EXIT_REQUEUE,
}


class UsageError(Exception):
    """A request that cannot be met; the message says where, what was found and what to do."""


class RecordError(Exception):
    """A record of a run that can no longer be written, so that further results would be lost."""


def printable(name: str) -> str:
    """Return a name with line breaks, other control characters and undecodable bytes escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def signals_to_handle() -> list[signal.Signals]:
    """Return the signals that stop training, without those that this process ignores.

    `nohup` ignores SIGHUP, and a shell script ignores SIGINT for what it runs in the background.
    """
    return [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]

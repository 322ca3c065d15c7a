"""Locks a file for one process at a time; the lock ends with its holder, even a killed one."""

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path


class FileLock:
    """An exclusive `flock` on a file that also says who holds it.

    The file stays when the lock is released: its presence means nothing. Removing it would let two
    processes lock two files of the same name.

    Args:
        path: the lock file; created when absent, in a folder that exists.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free, and say whether this process holds it now.

        Raises:
            OSError: the file cannot be opened.
        """
        if self._descriptor is not None:
            return True
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.truncate(descriptor, 0)
        os.write(descriptor, json.dumps(_describe_process()).encode())
        self._descriptor = descriptor
        return True

    def is_held(self) -> bool:
        """Return whether any process holds the lock, this one included; nothing is changed.

        Raises:
            OSError: the file cannot be opened.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def holder(self) -> str:
        """Return which process wrote its name last, as part of a message."""
        try:
            who = json.loads(self.path.read_text())
            return f"process {who['pid']} on {who['host']}, since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "an unknown process"

    def release(self) -> None:
        """Release the lock; without effect if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _describe_process() -> dict[str, str | int]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}

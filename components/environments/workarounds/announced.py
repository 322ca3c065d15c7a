"""Announces each workaround once per process, and lets an environment variable switch it off."""

import logging
import os
import threading

_LOG = logging.getLogger(__name__)
_LOCK = threading.Lock()
_announced: set[str] = set()


def is_switched_off(variable: str) -> bool:
    """Return whether this environment variable is set, to anything but 0."""
    return os.environ.get(variable, "") not in ("", "0")


def announce_workaround(change: str, variable: str) -> None:
    """Log a workaround that takes effect, at level INFO and once per process.

    Args:
        change: what the workaround changes.
        variable: environment variable that switches it off.
    """
    with _LOCK:
        first = variable not in _announced
        _announced.add(variable)
    if first:
        _LOG.info("%s Set %s=1 to switch this off.", change, variable)

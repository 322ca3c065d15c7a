"""Counts the cores of a CPU that this process may use."""

import os


def available_cores() -> set[int]:
    """Return the cores this process may use; macOS cannot restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))

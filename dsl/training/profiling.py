"""Traces a few iterations, to see where their time goes."""

from collections.abc import Callable
from pathlib import Path

import jax


def write_trace(work: Callable[[], None], folder: Path, say: Callable[[str], None]) -> None:
    """Write a profiler trace.

    Args:
        work: the work to trace; it waits for its results.
        folder: receives the trace.
        say: receives a line on how to look at it.
    """
    with jax.profiler.trace(folder, create_perfetto_trace=True):
        work()
    *_, file = sorted(folder.glob("plugins/profile/*/perfetto_trace.json.gz"))
    say(f"profile: open {file} at https://ui.perfetto.dev, or xprof --logdir {folder}")

"""Traces a few iterations, to see where their time goes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import jax

from dsl.records.durable_files import reporting_unwritable


def write_trace(work: Callable[[], None], folder: Path, say: Callable[[str], None]) -> None:
    """Write a profiler trace; where it cannot be written, say so and trace nothing.

    Args:
        work: the work to trace; it waits for its results.
        folder: receives the trace.
        say: receives a line on how to look at it.
    """
    with reporting_unwritable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # JAX cannot start again after it has failed
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            work()
        *_, file = sorted(folder.glob("plugins/profile/*/perfetto_trace.json.gz"))
        say(f"profile: open {file} at https://ui.perfetto.dev, or xprof --logdir {folder}")

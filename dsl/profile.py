"""A trace of a few iterations, to see where their time goes."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from dsl.epochs import Epoch
from dsl.program import Program, TrainState

_ITERATIONS, _UPDATES = 2, 20


def trace(
    run_epoch: Epoch,
    program: Program,
    state: TrainState,
    updates: int,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Write a profiler trace of two iterations and an evaluation, from a copy of the state.

    Args:
        run_epoch: the compiled epoch.
        program: what runs.
        state: with a filled buffer; it stays as it is.
        updates: of an iteration of the run; of many the first twenty are made.
        folder: receives the trace.
        say: receives a line on how to look at it.
    """
    counts = (jnp.asarray(n, jnp.int32) for n in (_ITERATIONS, min(updates, _UPDATES)))
    copy = jax.tree.map(jnp.copy, state)
    with jax.profiler.trace(folder, create_perfetto_trace=True):
        _, metrics, _ = run_epoch(program, copy, *counts)
        jax.block_until_ready(metrics)
    (file,) = folder.glob("plugins/profile/*/perfetto_trace.json.gz")
    say(f"profile: open {file} at https://ui.perfetto.dev, or xprof --logdir {folder}")

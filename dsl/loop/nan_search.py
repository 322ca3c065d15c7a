"""Repeats a run until an update makes a number that is not finite."""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PyTree

from dsl.loop.finite_check import finite_flags
from dsl.loop.nonfinite_origin import Origin, find_origin
from dsl.loop.program import LearnerStates, Program, TrainState
from dsl.loop.training_loop import collect_unroll, insert_unroll, update_learners


def run_while_finite(
    program: Program, state: TrainState, updates: Int[Array, ""]
) -> tuple[TrainState, Int[Array, ""]]:
    """Make an iteration, and stop before the first update that gives a number that is not finite.

    Args:
        program: what runs, on one device.
        state: of the run.
        updates: gradient updates of the iteration.

    Returns:
        The run as the update after the last finite one finds it, and the number of finite updates.
        If that is `updates`, `begin_iteration` makes it ready for the next call.
    """
    envs, unroll, _ = collect_unroll(program, state)
    state = insert_unroll(program, state, unroll)

    def proceed(carry: tuple[Array, LearnerStates, Array]) -> Array:
        index, _, finite = carry
        return finite & (index < updates)

    def update(carry: tuple[Array, LearnerStates, Array]) -> tuple[Array, LearnerStates, Array]:
        index, before, _ = carry
        after, metrics = update_learners(program, state, before, index)
        finite = _all_finite((after, metrics))
        learners = jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, before)
        return index + finite.astype(jnp.int32), learners, finite

    start = jnp.zeros((), jnp.int32), state.learners, jnp.ones((), bool)
    finite_updates, learners, _ = jax.lax.while_loop(proceed, update, start)
    return replace(state, learners=learners, envs=envs), finite_updates


def begin_iteration(state: TrainState) -> TrainState:
    """Return the run at the beginning of the next iteration."""
    return replace(state, iteration=state.iteration + 1)


def find_origin_in_update(program: Program, state: TrainState, index: int) -> Origin | None:
    """Return the operation that makes the first non-finite number of an update.

    Args:
        program: what runs, on one device.
        state: as the update finds it.
        index: number of the update in its iteration.
    """

    def update(state: TrainState, index: Array) -> PyTree:
        return update_learners(program, state, state.learners, index)

    return find_origin(update, state, jnp.asarray(index, jnp.int32))


def _all_finite(tree: PyTree) -> Bool[Array, ""]:
    flags = list(finite_flags(tree).values())
    return jnp.all(jnp.stack(flags)) if flags else jnp.ones((), bool)

"""Traces the parts of a run, one by one, for the devices that will run them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from dsl.loop import training_loop
from dsl.loop.program import Program, TrainState
from dsl.loop.sharding import REPLICATED, shardings, train_state_specs

UPDATE, COLLECTION, EVALUATION, ITERATION = "update", "collection", "evaluation", "iteration"


def trace_part(program: Program, part: str) -> Any:
    """Trace a part of a run on the target devices, with shapes in place of arrays.

    Args:
        program: what runs, from `assign_devices`.
        part: `update`, one gradient update with its draw from the buffer; `collection`, one unroll
            of all environments; `evaluation`, the end of an epoch; or `iteration`, the loop of
            unrolls and updates itself.
    """
    arrays, static = eqx.partition(_abstract_state(program), _is_shape)
    number = jax.ShapeDtypeStruct((), jnp.int32, sharding=shardings(program, REPLICATED))

    def joined(arrays: TrainState) -> TrainState:
        return eqx.combine(arrays, static)

    def update(learners: Any, arrays: TrainState, index: Any) -> Any:
        learners = eqx.combine(learners, static.learners)
        return training_loop.update_learners(program, joined(arrays), learners, index)

    def collect(arrays: TrainState) -> Any:
        return training_loop.collect_unroll(program, joined(arrays))

    def end_epoch(arrays: TrainState, updates: Any) -> Any:
        return training_loop.end_epoch(program, joined(arrays), updates)

    def iterate(arrays: TrainState, iterations: Any, updates: Any) -> Any:
        return training_loop.run_iterations(program, joined(arrays), iterations, updates)

    function, arguments, donated = {
        UPDATE: (update, (arrays.learners, arrays, number), 0),
        COLLECTION: (collect, (arrays,), ()),
        EVALUATION: (end_epoch, (arrays, number), 0),
        ITERATION: (iterate, (arrays, number, number), 0),
    }[part]
    return _trace(function, arguments, donated)


def _trace(function: Callable[..., Any], arguments: tuple, donated: Any) -> Any:
    def arrays_of_results(*arguments: Any) -> Any:
        return eqx.filter(function(*arguments), eqx.is_array)

    return jax.jit(arrays_of_results, donate_argnums=donated).trace(*arguments)


def _abstract_state(program: Program) -> TrainState:
    """Return a run's state with shapes in place of arrays, which lie on the target devices."""
    state = training_loop.abstract_train_state(program)
    placed = jax.tree.broadcast(shardings(program, train_state_specs(state)), state)

    def place(leaf: Any, sharding: Any) -> Any:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(place, state, placed)


def _is_shape(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)

"""Whole training iterations, environment steps and kernel launches on an accelerator."""

import statistics
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gpu_common import (
    Measurement,
    Result,
    Row,
    experiment_of,
    is_shape,
    memory_of,
    rate_of,
    shapes_of,
    time_call,
)
from gpu_profile import launched_kernels

ITERATION_ROUNDS, TRACED_UPDATES = 3, 10


def iteration_rate(row: Row) -> Measurement:
    """Measure an unroll of all environments and its updates inside the compiled loop."""
    from dsl.loop import training_loop

    experiment = experiment_of(row)
    program, updates = experiment.program(), experiment.schedule().updates_per_iteration
    state = eqx.filter_eval_shape(
        training_loop.init_train_state, program, jax.ShapeDtypeStruct((), jnp.uint32)
    )
    shapes, static = eqx.partition(state, is_shape)

    def begin(seed: jax.Array) -> Any:
        return eqx.filter(training_loop.init_train_state(program, seed), eqx.is_array)

    def advance(arrays: Any, iterations: jax.Array, updates: jax.Array) -> Any:
        state = eqx.combine(arrays, static)
        state = training_loop.run_iterations(program, state, iterations, updates)
        return eqx.filter(state, eqx.is_array)

    number, seed = jax.ShapeDtypeStruct((), jnp.int32), jnp.zeros((), jnp.uint32)
    lowered = jax.jit(advance, donate_argnums=0).lower(shapes, number, number)
    first, compiled = yield [jax.jit(begin).lower(seed), lowered]
    latest = [first.call(seed)]

    def run(iterations: int, updates: int) -> None:
        numbers = jnp.asarray(iterations, jnp.int32), jnp.asarray(updates, jnp.int32)
        latest[0] = jax.block_until_ready(compiled.call(latest[0], *numbers))

    collection, update = _seconds(run, row.get("updates", updates))
    seconds = collection + updates * update
    found = {
        "steps_per_second": program.num_envs * program.unroll_length / seconds,
        "collection_steps_per_second": program.num_envs * program.unroll_length / collection,
        "updates_per_second": 1 / update,
        "compile_seconds": compiled.seconds,
        "memory_mib": memory_of(compiled.call),
    }
    return {**found, **_launches(run, program.unroll_length)}


def _seconds(run: Callable[[int, int], None], updates: int) -> tuple[float, float]:
    """Return median seconds of an unroll, and of each of the updates that follow one."""
    run(2, 0)
    run(1, 2)
    collection = statistics.median(
        time_call(lambda count: run(count, 0), 1) for _ in range(ITERATION_ROUNDS)
    )
    whole = statistics.median(
        time_call(lambda count: run(1, count), updates) for _ in range(ITERATION_ROUNDS)
    )
    return collection, (whole - collection) / updates


def _launches(run: Callable[[int, int], None], unroll_length: int) -> Result:
    """Count kernels of a control step of all environments, and of an update with its draw."""
    collection = len(launched_kernels(lambda: run(1, 0)))
    both = len(launched_kernels(lambda: run(1, TRACED_UPDATES)))
    return {
        "kernels_per_control_step": collection / unroll_length,
        "kernels_per_update": (both - collection) / TRACED_UPDATES,
    }


def environment_rate(row: Row) -> Measurement:
    """Measure parallel environments under random actions, with fresh starts and goals."""
    from components.environments.core.auto_reset import step_or_reset

    environment, envs = experiment_of(row).environment, row["envs"]

    def rollout(slots: Any, count: jax.Array) -> Any:
        def one(index: jax.Array, slots: Any) -> Any:
            key = jax.random.fold_in(jax.random.key(1), index)
            actions = jax.random.uniform(key, (envs, environment.dims.action), minval=-1.0)

            def step(state: Any, timestep: Any, action: jax.Array) -> Any:
                return step_or_reset(environment, state, timestep, action, state.key)

            return jax.vmap(step)(*slots, actions)

        return jax.lax.fori_loop(0, count, one, slots)

    def begin(key: jax.Array) -> Any:
        return jax.vmap(environment.reset)(jax.random.split(key, envs))

    key, number = jax.random.key(0), jax.ShapeDtypeStruct((), jnp.int32)
    slots = shapes_of(jax.eval_shape(begin, key))
    lowered = jax.jit(rollout, donate_argnums=0).lower(slots, number)
    first, compiled = yield [jax.jit(begin).lower(key), lowered]
    latest = [first.call(key)]

    def call(count: int) -> None:
        number = jnp.asarray(count, jnp.int32)
        latest[0] = jax.block_until_ready(compiled.call(latest[0], number))

    found = rate_of(call)
    names = ("per_second", "lowest", "highest")
    speeds = {f"steps_{name}": envs * found[name] for name in names}
    return {**speeds, "compile_seconds": compiled.seconds, "memory_mib": memory_of(compiled.call)}

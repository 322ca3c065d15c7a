"""Several seeds of one experiment in one compiled program: the loop, mapped over the seeds.

Every array of their state has a leading axis with an entry per seed. That axis is split over the
largest number of devices that divides it; each device runs its seeds side by side and never
communicates. A seed draws the random numbers that it draws alone: up to rounding, it is the same
run.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding
from jaxtyping import Array, Int

from dsl.loop import training_loop
from dsl.loop.program import Program, TrainState
from dsl.loop.sharding import REPLICATED, SHARD_AXIS0, per_device, shardings, usable_devices

Tree = TypeVar("Tree")


def vmap_over_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Map `function(program, state, *counts)` over the seeds; all share the counts."""

    def mapped(program: Program, states: Any, *counts: Int[Array, ""]) -> Any:
        def on_one_device(states: Any, *counts: Int[Array, ""]) -> Any:
            return jax.vmap(lambda state: function(program, state, *counts))(states)

        specs = (SHARD_AXIS0, *[REPLICATED] * len(counts))
        # The devices are taken by the seeds, so inside the mapped function a run has one device.
        over_devices = replace(program, devices=_devices_for(_number_of_seeds(states)))
        return per_device(over_devices, on_one_device, specs, SHARD_AXIS0)(states, *counts)

    return mapped


def init_seeds(program: Program, seeds: Sequence[int]) -> TrainState:
    """Return the runs of these seeds before their first step."""
    numbers = jax.device_put(np.asarray(seeds, np.uint32), _seed_sharding(program, len(seeds)))
    return eqx.filter_jit(vmap_over_seeds(training_loop.init_train_state))(program, numbers)


def stack_seeds(program: Program, states: Sequence[TrainState]) -> TrainState:
    """Stack the states of several runs, and move them from the host to their devices."""

    def stack(*leaves: Any) -> Any:  # random keys are no NumPy arrays, even on the host
        return np.stack(leaves) if isinstance(leaves[0], np.ndarray) else jnp.stack(leaves)

    return jax.device_put(jax.tree.map(stack, *states), _seed_sharding(program, len(states)))


def select_seed(tree: Tree, index: int) -> Tree:
    """Return what belongs to one seed, on the host or on the device that holds it.

    Indexing the whole array would gather it on every device first. Instead the shard of the one
    device is taken, and indexed there by a compiled function whose index is an argument: one
    program serves all seeds.
    """
    if isinstance(jax.tree.leaves(tree)[0], np.ndarray):
        return jax.tree.map(lambda x: x[index], tree)
    seeds = _number_of_seeds(tree)
    device_index, position = divmod(index, seeds // _devices_for(seeds))
    device = jax.devices()[device_index]
    shards = jax.tree.map(lambda x: _shard_on(x, device), tree)
    return _index_leaves(shards, jnp.asarray(position, jnp.int32, device=device))


def describe_devices(seeds: int) -> str:
    """Say how many devices the seeds are on, as part of a message."""
    found = len(jax.devices())
    where = f", on {_devices_for(seeds)} of {found} devices" if found > 1 else ""
    return f" for {seeds} seeds together{where}"


def _shard_on(array: jax.Array, device: Any) -> Array:
    return next(shard.data for shard in array.addressable_shards if shard.device == device)


@jax.jit
def _index_leaves(tree: Tree, position: Int[Array, ""]) -> Tree:
    return jax.tree.map(lambda x: x[position], tree)


def _seed_sharding(program: Program, seeds: int) -> Sharding:
    devices = _devices_for(seeds)
    # To JAX, arrays on a mesh are of another type, for which the update is traced a second time.
    if devices == 1:
        return SingleDeviceSharding(jax.devices()[0])
    return shardings(replace(program, devices=devices), SHARD_AXIS0)


def _devices_for(seeds: int) -> int:
    return usable_devices(len(jax.devices()), seeds)


def _number_of_seeds(tree: Any) -> int:
    return jax.tree.leaves(tree)[0].shape[0]

"""Several seeds of one experiment in one compiled program: the loop, mapped over the seeds.

Every array of their progress has a leading axis with an entry per seed. That axis is split over as
many of the machine's devices as divide it; each device runs its seeds side by side and needs no
word from the others. A seed draws the random numbers that it draws alone: up to rounding, it is the
same run.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import Array, Int

from dsl.loop import training_loop
from dsl.loop.program import EpochState, Program
from dsl.loop.sharding import SPLIT, WHOLE, each_alone, most, spread

Tree = TypeVar("Tree")


def over_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(program, state, *counts)` of every seed; the counts are the same for all."""

    def mapped(program: Program, states: Any, *counts: Int[Array, ""]) -> Any:
        def share(states: Any, *counts: Int[Array, ""]) -> Any:
            return jax.vmap(lambda state: function(program, state, *counts))(states)

        specs = (SPLIT, *[WHOLE] * len(counts))
        over = replace(program, devices=_devices(_count(states)))
        return each_alone(over, share, specs, SPLIT)(states, *counts)

    return mapped


def begin(program: Program, numbers: Sequence[int]) -> EpochState:
    """Runs of these seeds before their first step."""
    seeds = jax.device_put(np.asarray(numbers, np.uint32), _split(program, len(numbers)))
    return eqx.filter_jit(over_seeds(training_loop.begin))(program, seeds)


def stacked(program: Program, runs: Sequence[EpochState]) -> EpochState:
    """Runs under way, from the host to where they belong."""

    def stack(*leaves: Any) -> Any:  # on the host, but for random keys
        return np.stack(leaves) if isinstance(leaves[0], np.ndarray) else jnp.stack(leaves)

    return jax.device_put(jax.tree.map(stack, *runs), _split(program, len(runs)))


def of_seed(tree: Tree, number: int) -> Tree:
    """What belongs to one of the seeds, counted from 0, on the host or the device that has it."""
    if isinstance(jax.tree.leaves(tree)[0], np.ndarray):
        return jax.tree.map(lambda x: x[number], tree)
    device, place = divmod(number, _count(tree) // _devices(_count(tree)))
    there = jax.devices()[device]
    parts = jax.tree.map(lambda x: _part(x, there), tree)
    return _at(parts, jnp.asarray(place, jnp.int32, device=there))


def shared(count: int) -> str:
    """How so many seeds lie on the devices, to be said."""
    found = len(jax.devices())
    where = f", on {_devices(count)} of {found} devices" if found > 1 else ""
    return f" for {count} seeds together{where}"


def _part(array: jax.Array, device: Any) -> Array:
    return next(shard.data for shard in array.addressable_shards if shard.device == device)


@jax.jit
def _at(tree: Tree, place: Int[Array, ""]) -> Tree:
    return jax.tree.map(lambda x: x[place], tree)


def _split(program: Program, count: int) -> NamedSharding:
    """So many seeds over the devices."""
    return spread(replace(program, devices=_devices(count)), SPLIT)


def _devices(count: int) -> int:
    return most(len(jax.devices()), count)


def _count(tree: Any) -> int:
    return jax.tree.leaves(tree)[0].shape[0]

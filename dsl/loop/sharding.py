"""Splits a run over the devices of this machine.

Environments, the buffer's columns, the transitions of a batch and the episodes of an evaluation are
split over the devices; networks and optimisers are the same on all. Random numbers are drawn for
the whole run and then split, and losses are over whole batches: up to rounding, a run does not
depend on the number of devices.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from components.replay.trajectory_buffer import BufferState
from components.target_devices import sharing_batches, target_devices
from dsl.loop.program import Program, TrainState

_AXIS = "devices"
REPLICATED, SHARD_AXIS0 = PartitionSpec(), PartitionSpec(_AXIS)
# For the buffer and what enters it: time runs along the first axis, environments along the second.
SHARD_AXIS1 = PartitionSpec(None, _AXIS)

Tree = TypeVar("Tree")


def usable_devices(available: int, *counts: int) -> int:
    """Return the largest number of devices, up to `available`, that divides all of the counts."""
    common = math.gcd(*counts)
    return max(n for n in range(1, available + 1) if common % n == 0)


def shardings(program: Program, specs: Any) -> Any:
    """Return a sharding over the program's devices for each of the `specs`."""
    mesh = Mesh(target_devices()[: program.devices], (_AXIS,))
    return jax.tree.map(lambda spec: NamedSharding(mesh, spec), specs)


def splitting_batches(program: Program) -> AbstractContextManager[None]:
    """Tell the networks traced in a `with` block which devices share their batches."""
    if program.devices == 1:
        return nullcontext()
    return sharing_batches(shardings(program, REPLICATED).mesh)


def constrain(program: Program, tree: Tree, specs: Any) -> Tree:
    """Constrain how a traced tree is split over the devices.

    Args:
        program: what runs.
        tree: of arrays.
        specs: prefix tree of partition specs.
    """
    if program.devices == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, shardings(program, specs))


def constrain_state(program: Program, state: TrainState) -> TrainState:
    """Constrain how a traced run is split over the devices."""
    return constrain(program, state, train_state_specs(state))


def train_state_specs(state: TrainState) -> Any:
    """Return how a run is split: a prefix tree of partition specs."""
    return replace(
        state,
        key=REPLICATED,
        iteration=REPLICATED,
        learners=REPLICATED,
        envs=SHARD_AXIS0,
        buffer=buffer_specs(state.buffer),
        metric_sums=REPLICATED,
        nonfinite_resets=REPLICATED,
    )


def buffer_specs(buffer: BufferState) -> Any:
    """Return how a buffer is split: by environment, for the arrays that have such an axis."""
    return jax.tree.map(lambda x: SHARD_AXIS1 if x.ndim > 1 else REPLICATED, buffer)


def per_device(
    program: Program, function: Callable[..., Any], in_specs: Any, out_specs: Any
) -> Callable[..., Any]:
    """Apply `function` to each device's shard without communication (`shard_map`)."""
    if program.devices == 1:
        return function
    mesh = shardings(program, REPLICATED).mesh
    # Loops of MJX start from constants, which the check of what varies over devices refuses.
    return jax.shard_map(
        function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )

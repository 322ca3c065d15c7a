"""Every device of this machine takes an equal share of a run.

Environments, the buffer's lanes, the transitions of a batch and the episodes of an evaluation are
split over the devices; networks and optimisers are the same on all. Random numbers are drawn for
the whole run and then split, and losses are over whole batches: up to rounding, a run does not
depend on how many devices it has.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from components.replay.trajectory_buffer import BufferState
from dsl.loop.program import EpochState, Program

_AXIS = "devices"
WHOLE, SPLIT = PartitionSpec(), PartitionSpec(_AXIS)
# Of the buffer and of what enters it: time runs along the first axis, lanes along the second.
SPLIT_SECOND = PartitionSpec(None, _AXIS)

Tree = TypeVar("Tree")


def most(available: int, *counts: int) -> int:
    """The largest number of devices, up to `available`, that divides all of the counts."""
    common = math.gcd(*counts)
    return max(n for n in range(1, available + 1) if common % n == 0)


def spread(program: Program, specs: Any) -> Any:
    """Shardings over the program's devices, one for each of the `specs`."""
    mesh = Mesh(jax.devices()[: program.devices], (_AXIS,))
    return jax.tree.map(lambda spec: NamedSharding(mesh, spec), specs)


def laid_out(program: Program, tree: Tree, specs: Any) -> Tree:
    """The same values, spread over the devices as the prefix tree `specs` says; for tracing."""
    if program.devices == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, spread(program, specs))


def progress_laid_out(program: Program, progress: EpochState) -> EpochState:
    """A run under way where it belongs; for tracing."""
    return laid_out(program, progress, of_progress(progress))


def of_progress(progress: EpochState) -> Any:
    """How a run under way is spread."""
    state = progress.state
    whole = {"key": WHOLE, "iteration": WHOLE, "learners": WHOLE}
    state = replace(state, **whole, lanes=SPLIT, buffer=of_buffer(state.buffer))
    return replace(progress, state=state, sums=WHOLE, broken=WHOLE)


def of_buffer(buffer: BufferState) -> Any:
    """How a buffer is spread: by its lanes, where an array has any."""
    return jax.tree.map(lambda x: SPLIT_SECOND if x.ndim > 1 else WHOLE, buffer)


def each_alone(
    program: Program, function: Callable[..., Any], in_specs: Any, out_specs: Any
) -> Callable[..., Any]:
    """`function` of each device's share of the arguments, with no word between devices."""
    if program.devices == 1:
        return function
    mesh = spread(program, WHOLE).mesh
    # Loops of MJX start from constants, which the check of what varies over devices refuses.
    return jax.shard_map(
        function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )

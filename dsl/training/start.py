"""Where training begins: at the first step, or at a checkpoint."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from dsl.checkpoint.manager import CheckpointManager
from dsl.experiment import Experiment
from dsl.loop import multi_seed, training_loop
from dsl.loop.execution import begin, on_devices, placed
from dsl.loop.program import EpochState, Program
from dsl.loop.run_position import RunPosition


class Start(NamedTuple):
    """Where a run begins."""

    progress: EpochState
    position: RunPosition


class Starts(NamedTuple):
    """Where several seeds begin; leaves of their progress have a leading axis over the seeds."""

    progress: EpochState
    positions: Sequence[RunPosition]


def start(experiment: Experiment, keeper: CheckpointManager | None = None) -> Start:
    """The run as its last good checkpoint left it, or before its first step.

    Args:
        experiment: what to run.
        keeper: of the run's checkpoints, if any.

    Raises:
        UsageError: there are checkpoints and all of them are damaged.
    """
    program = on_devices(experiment.program())
    resumed = (
        keeper.restore_latest(_template(program)) if keeper and keeper.has_checkpoints() else None
    )
    if resumed is not None:
        progress, position = resumed
        return Start(placed(program, progress), position)
    return Start(begin(program, experiment.seed), RunPosition())


def start_together(
    experiments: Sequence[Experiment], keepers: Sequence[CheckpointManager], iterations: int
) -> Starts | None:
    """Seeds of one experiment, all after the same iteration.

    Args:
        experiments: what to run.
        keepers: of each run's checkpoints.
        iterations: made at the checkpoint to go on from; 0 for runs without one.

    Returns:
        Where they begin; None where a checkpoint turned out to be damaged, and has been renamed.

    Raises:
        UsageError: a run has checkpoints and all of them are damaged.
    """
    program = experiments[0].program()
    if not iterations:
        for keeper in keepers:
            keeper.refuse_lost_run()
        progress = multi_seed.begin(program, [experiment.seed for experiment in experiments])
        return Starts(progress, [RunPosition()] * len(experiments))
    resumed = [keeper.restore_latest(_template(program), iterations) for keeper in keepers]
    found = [one for one in resumed if one is not None and one[1].iterations == iterations]
    if len(found) < len(keepers):
        return None
    for keeper in keepers:
        keeper.discard_after(iterations)
    progress, positions = zip(*found, strict=True)
    return Starts(multi_seed.stacked(program, progress), positions)


def _template(program: Program) -> EpochState:
    """The run with shapes in place of arrays."""
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    return eqx.filter_eval_shape(training_loop.begin, replace(program, devices=1), seed)

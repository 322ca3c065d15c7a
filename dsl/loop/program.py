"""What a run is: what does not change while it runs, and what does."""

from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Int, Key
from jumanji.types import TimeStep

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.protocols import Learner, LearnerState, Metrics
from components.replay.trajectory_buffer import BufferState, TrajectoryBuffer

Learners = dict[str, LearnerState]


class Program(eqx.Module):
    """Everything of a run that does not change while it runs.

    Attributes:
        environment: task that data is collected in.
        eval_environment: task that the policy is scored on; same sizes.
        learners: by name; all train on the same transitions.
        collector: name of the learner whose policy fills the buffer.
        buffer: see `components.replay.trajectory_buffer`.
        num_envs: parallel environments.
        unroll_length: environment steps of each per iteration.
        batch_size: transitions per update.
        eval_episodes: episodes per evaluation, in parallel.
        fixed_starts: whether every environment repeats one start and goal for the whole run.
        pictured_episodes: how many of them are kept to be drawn.
        devices: how many of the machine's devices share the run; see `dsl.loop.sharding`.
    """

    environment: GoalEnvironment = eqx.field(static=True)
    eval_environment: GoalEnvironment = eqx.field(static=True)
    learners: dict[str, Learner]
    collector: str = eqx.field(static=True)
    buffer: TrajectoryBuffer
    num_envs: int = eqx.field(static=True)
    unroll_length: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    eval_episodes: int = eqx.field(static=True)
    fixed_starts: bool = eqx.field(static=True, default=False)
    pictured_episodes: int = eqx.field(static=True, default=8)
    devices: int = eqx.field(static=True, default=1)


class EnvBatch(NamedTuple):
    """The parallel environments: their states, last timesteps, and the number of their episode."""

    state: EnvState
    timestep: TimeStep
    episode: Int[Array, " lanes"]


class TrainState(eqx.Module):
    """Everything of a run that changes: one tree of arrays.

    Attributes:
        key: the run's key; constant.
        iteration: unrolls made so far.
        learners: by name.
        lanes: the parallel environments.
        buffer: what they have been through.
    """

    key: Key[Array, ""]
    iteration: Int[Array, ""]
    learners: dict[str, LearnerState]
    lanes: EnvBatch
    buffer: BufferState


class EpochState(eqx.Module):
    """Where a run stands inside an epoch.

    Attributes:
        state: of the run.
        sums: every metric, summed over the updates of the epoch so far.
        broken: episodes of the epoch that broken physics has ended.
    """

    state: TrainState
    sums: Metrics
    broken: Int[Array, ""]


def prefixed(program: Program, learner: str, metrics: Metrics) -> Metrics:
    """Metrics under the learner's name, where there are several learners."""
    prefix = f"{learner}/" if len(program.learners) > 1 else ""
    return {f"{prefix}{name}": value for name, value in metrics.items()}

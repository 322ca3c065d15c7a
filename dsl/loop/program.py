"""Defines the two halves of a run: `Program` is constant, `TrainState` changes."""

from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Int, Key
from jumanji.types import TimeStep

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.protocols import Learner, LearnerState, Metrics
from components.replay.trajectory_buffer import BufferState, TrajectoryBuffer
from dsl.loop.evaluation_plan import FreshEpisodes

LearnerStates = dict[str, LearnerState]


class Program(eqx.Module):
    """Everything of a run that is constant while it runs.

    Attributes:
        environment: task that data is collected in.
        learners: by name; all train on the same transitions.
        collector: name of the learner whose policy fills the buffer.
        buffer: see `components.replay.trajectory_buffer`.
        num_envs: parallel environments.
        unroll_length: environment steps of each per iteration.
        batch_size: transitions per update.
        evaluations: what every epoch ends with, by name, all settings given.
        primary_evaluation: name of the one whose episodes are recorded.
        updates: gradient updates of the whole run, which learning rates may span.
        fixed_starts: whether every environment repeats one start and goal for the whole run.
        recorded_episodes: evaluation episodes kept for drawing.
        devices: how many of the machine's devices share the run; see `dsl.loop.sharding`.
    """

    environment: GoalEnvironment = eqx.field(static=True)
    learners: dict[str, Learner]
    collector: str = eqx.field(static=True)
    buffer: TrajectoryBuffer
    num_envs: int = eqx.field(static=True)
    unroll_length: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    evaluations: dict[str, FreshEpisodes]
    primary_evaluation: str = eqx.field(static=True)
    updates: int = eqx.field(static=True)
    fixed_starts: bool = eqx.field(static=True, default=False)
    recorded_episodes: int = eqx.field(static=True, default=8)
    devices: int = eqx.field(static=True, default=1)


class EnvBatch(NamedTuple):
    """The parallel environments.

    Attributes:
        state: of every environment.
        timestep: the last one of every environment.
        episode: number of the episode under way in every environment.
    """

    state: EnvState
    timestep: TimeStep
    episode: Int[Array, " envs"]


class TrainState(eqx.Module):
    """Everything of a run that changes: one tree of arrays.

    Attributes:
        key: the run's key; constant.
        iteration: unrolls made so far.
        learners: state of every learner, by name.
        envs: the parallel environments.
        buffer: the transitions collected so far.
        metric_sums: every metric, summed over the updates of the epoch so far.
        nonfinite_resets: episodes of the epoch that ended because their physics broke.
    """

    key: Key[Array, ""]
    iteration: Int[Array, ""]
    learners: LearnerStates
    envs: EnvBatch
    buffer: BufferState
    metric_sums: Metrics
    nonfinite_resets: Int[Array, ""]


def prefix_metrics(program: Program, learner: str, metrics: Metrics) -> Metrics:
    """Put metrics under the learner's name if the run has several learners."""
    prefix = f"{learner}/" if len(program.learners) > 1 else ""
    return {f"{prefix}{name}": value for name, value in metrics.items()}

"""Measures evaluation episodes: the metrics that are constants of the family `metric`.

A metric maps `Episodes` to a number per episode; the mean over the episodes is recorded. A metric
of the user's own is any function or word that does the same.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from components.env_dims import EnvDims
from components.environments.core.goal_environment import Observation


class Episodes(NamedTuple):
    """What one learner did in an evaluation: T time steps of B episodes.

    An episode that has ended stands still: `distance` repeats its last value.

    Attributes:
        observation: before each step, leaves (T, B, ...).
        action: of each step.
        success: whether the episode was running and inside the success radius after each step.
        distance: to the goal after each step (metres).
        running: whether the episode had not ended before each step.
        final_success: whether the episode ended inside the success radius.
        final_distance: to the goal at the episode's last step (metres).
        success_at_start: whether the episode began inside the success radius.
    """

    observation: Observation
    action: Float[Array, "T B a"]
    success: Bool[Array, "T B"]
    distance: Float[Array, "T B"]
    running: Bool[Array, "T B"]
    final_success: Bool[Array, " B"]
    final_distance: Float[Array, " B"]
    success_at_start: Bool[Array, " B"]


def abstract_episodes(dims: EnvDims, steps: int, count: int) -> Episodes:
    """Return `count` episodes of `steps` time steps with shapes in place of arrays."""

    def array(kind: DTypeLike, *shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, jnp.dtype(kind))

    observation = Observation(
        array("float32", steps, count, dims.state), array("float32", steps, count, dims.goal)
    )
    return Episodes(
        observation,
        action=array("float32", steps, count, dims.action),
        success=array("bool", steps, count),
        distance=array("float32", steps, count),
        running=array("bool", steps, count),
        final_success=array("bool", count),
        final_distance=array("float32", count),
        success_at_start=array("bool", count),
    )


EvaluationMetric: TypeAlias = Callable[[Episodes], Array]


def success_rate(episodes: Episodes) -> Bool[Array, " B"]:
    """Return whether the episode was ever inside the success radius."""
    return episodes.success.any(axis=0)


def time_at_goal(episodes: Episodes) -> Int[Array, " B"]:
    """Count the steps inside the success radius."""
    return episodes.success.sum(axis=0)


def final_success(episodes: Episodes) -> Bool[Array, " B"]:
    """Return whether the episode ended inside the success radius."""
    return episodes.final_success


def final_distance(episodes: Episodes) -> Float[Array, " B"]:
    """Return the distance to the goal at the end (metres)."""
    return episodes.final_distance


def episode_length(episodes: Episodes) -> Int[Array, " B"]:
    """Count the steps of the episode."""
    return episodes.running.sum(axis=0)


def success_at_start(episodes: Episodes) -> Bool[Array, " B"]:
    """Return whether the episode began inside the success radius, where an idle policy stays."""
    return episodes.success_at_start


STANDARD_METRICS: dict[str, EvaluationMetric] = {
    metric.__name__: metric
    for metric in (
        success_rate,
        time_at_goal,
        final_success,
        final_distance,
        episode_length,
        success_at_start,
    )
}

"""Consecutive episodes in one environment, for collecting data."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from jumanji.env import Environment
from jumanji.types import TimeStep

from components.environments.core.goal_environment import GoalEnvironment


def step_or_reset(
    environment: Environment,
    state: Any,
    timestep: TimeStep,
    action: Float[Array, " a"],
    key: Key[Array, ""],
) -> tuple[Any, TimeStep]:
    """Step the environment, or reset it after the last timestep of an episode.

    This is dm_env's convention: after a last timestep the action is ignored and the first timestep
    of the next episode is returned. Every observation of an episode is therefore returned once,
    including its last.

    Args:
        environment: any Jumanji environment.
        state: its state, as returned with `timestep`.
        timestep: its latest timestep.
        action: entries in [-1, 1].
        key: for the next episode; equal keys give equal episodes.
    """
    if isinstance(environment, GoalEnvironment):
        last = jnp.asarray(timestep.last())
        return environment.step_or_reset(state, last, action, key)
    stepped, fresh = environment.step(state, action), environment.reset(key)
    return jax.tree.map(lambda new, old: jnp.where(timestep.last(), new, old), fresh, stepped)

"""Consecutive episodes in one environment, for collecting data."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from jumanji.env import Environment
from jumanji.types import TimeStep


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
    stepped = environment.step(state, action)
    with jax.named_scope("reset"):
        fresh = environment.reset(key)
    return jax.tree.map(lambda new, old: jnp.where(timestep.last(), new, old), fresh, stepped)

"""Episodes one after another, for collecting data."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from jumanji.env import Environment
from jumanji.types import TimeStep


def step_or_reset(
    environment: Environment,
    state: Any,
    timestep: TimeStep,
    action: Float[Array, " a"],
    key: PRNGKeyArray,
) -> tuple[Any, TimeStep]:
    """Step, or start a fresh episode after the last timestep of one.

    The convention of dm_env: after a last timestep the action is ignored and the first timestep of
    the next episode is returned, so every observation of an episode is returned once, its end
    included.

    Args:
        environment: what to step.
        state: as returned with `timestep`.
        timestep: the latest.
        action: in [-1, 1].
        key: of the next episode, which starts alike whenever its key is the same.
    """
    stepped = environment.step(state, action)
    fresh = environment.reset(key)
    return jax.tree.map(lambda new, old: jnp.where(timestep.last(), new, old), fresh, stepped)

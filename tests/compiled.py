"""Functions compiled once for all tests that call them.

What one process has compiled lies in the cache of the whole suite, where others find it as long as
their program is the same: tests step a task as its word gives it, whatever part of it they look at.
MJX, which takes long to compile, is therefore stepped one state at a time everywhere.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import PhysicsEngine
from components.environments.core.physics.mjx import MJX


@dataclass(frozen=True)
class Compiled:
    """An environment, and its functions as compiled ones."""

    env: GoalEnvironment
    reset: Callable
    step: Callable

    @functools.cached_property
    def start(self):
        """After a reset, with a key as Jumanji's checks have it: others make another program."""
        return self.reset(jax.random.PRNGKey(0))[0]

    def near_the_end(self, state, steps):
        """The same state, so many steps before the time limit."""
        return state._replace(step=jnp.int32(self.env.episode_length - steps))


@functools.cache
def task(word: Callable[..., GoalEnvironment], engine: PhysicsEngine | None = MJX()) -> Compiled:  # noqa: B008 (frozen)
    """A task with the settings that it has by itself, in MJX or another engine."""
    env = word(physics=engine)
    return Compiled(env, jax.jit(env.reset), jax.jit(env.step))


@functools.cache
def value_and_slope(objective):
    """Compiled once per objective and size."""
    return jax.jit(jax.value_and_grad(objective))

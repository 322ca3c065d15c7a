"""Environments whose best behaviour is known, small enough to compile in a moment."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from jumanji import specs
from jumanji.env import Environment
from jumanji.types import StepType, TimeStep

from components.env_dims import EnvDims
from components.environments.core.goal_environment import Observation


class LineState(NamedTuple):
    """A point on a line."""

    key: Array
    x: Array
    goal: Array
    step: Array


class Line(Environment):
    """Start at 0; the goal is -1 or 1; an action moves by half its size; ends after 8 steps.

    The best policy is within the success radius of 0.3 from its second step on: 7 steps of 8.
    """

    dims = EnvDims(1, 1, 1)
    episode_length = 8

    def reset(self, key):
        key, goal_key = jax.random.split(key)
        goal = jnp.where(jax.random.bernoulli(goal_key), 1.0, -1.0)[None]
        state = LineState(key, jnp.zeros(1), goal, jnp.zeros((), jnp.int32))
        return state, self._timestep(state, jnp.asarray(StepType.FIRST))

    def step(self, state, action):
        x = jnp.clip(state.x + 0.5 * action, -2.0, 2.0)
        state = state._replace(x=x, step=state.step + 1)
        last = state.step >= self.episode_length
        return state, self._timestep(state, jnp.where(last, StepType.LAST, StepType.MID))

    def _timestep(self, state, step_type):
        success = self.success(state.x, state.goal)
        return TimeStep(
            step_type=step_type,
            reward=success.astype(jnp.float32),
            discount=jnp.ones(()),
            observation=Observation(state.x, state.goal),
            extras={
                "success": success,
                "distance": jnp.abs(state.x - state.goal)[0],
                "nonfinite": self.broken(state),
            },
        )

    def broken(self, _state):
        return jnp.zeros((), bool)

    def achieved_goal(self, state):
        return state

    def success(self, achieved, goal):
        return jnp.abs(achieved - goal)[..., 0] < 0.3

    @property
    def observation_spec(self):
        array = specs.Array((1,), np.float32)
        return specs.Spec(Observation, "ObservationSpec", state=array, goal=array)

    @property
    def action_spec(self):
        return specs.BoundedArray((1,), np.float32, -1.0, 1.0)

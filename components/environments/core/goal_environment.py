"""Goal-reaching tasks behind Jumanji's environment interface."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from jumanji import specs
from jumanji.env import Environment
from jumanji.types import StepType, TimeStep

from components.env_dims import EnvDims
from components.environments.core.physics import PhysicsState
from components.environments.core.task import Task


class Observation(NamedTuple):
    """What the agent sees.

    Attributes:
        state: of the robot; the goal is no part of it.
        goal: what the robot is to reach.
    """

    state: Float[Array, " n"]
    goal: Float[Array, " g"]


class State(NamedTuple):
    """Everything an environment needs to go on.

    Attributes:
        key: for the next reset.
        body: positions and velocities.
        goal: what was commanded at the start of the episode.
        step: steps since the start of the episode.
    """

    key: PRNGKeyArray
    body: PhysicsState
    goal: Float[Array, " g"]
    step: Int[Array, ""]


# A picture (height, width, 3) of uint8, from an environment and one of its states.
RenderFn = Callable[["GoalEnvironment", State], np.ndarray]


class GoalEnvironment(Environment):
    """A `Task` to be reset and stepped.

    Every reset draws a fresh start and goal. The reward is 1 inside the success radius after the
    step, else 0. Reaching the goal ends nothing. A fall, or a physics state that is not finite,
    terminates (discount 0); the time limit truncates (discount 1); a fall on the last step is a
    fall. `TimeStep.extras` holds `success` (bool), `distance` to the goal (metres) and `nonfinite`
    (bool): whether the episode ended because its physics broke.
    """

    def __init__(self, task: Task, render_fn: RenderFn | None = None):
        """
        Args:
            task: what to simulate, observe and reach.
            render_fn: draws one (unbatched) state for `render`, such as `render_frame`. Training
                needs none, and without one this package does not depend on rendering.
        """
        self.task = task
        self._render_fn = render_fn
        # Traced here: below, every operation of it would be compiled and run on its own.
        _ = self.sizes
        # Jumanji compares the bounds of the action specification; not to be traced.
        with jax.ensure_compile_time_eval():
            super().__init__()

    def __repr__(self) -> str:
        return f"GoalEnvironment(sizes={self.sizes}, episode_length={self.episode_length})"

    @property
    def episode_length(self) -> int:
        """Time limit (environment steps)."""
        return self.task.episode_length

    @cached_property
    def sizes(self) -> EnvDims:
        """How many numbers a state, a goal and an action have."""
        physics, control = self.task.physics, self.task.control
        state, _ = jax.eval_shape(self.reset, jax.random.key(0))[1].observation
        actions = physics.model.nu if control is None else control.size
        return EnvDims(state.size, len(self.task.goal_indices), actions)

    def reset(self, key: PRNGKeyArray) -> tuple[State, TimeStep[Observation]]:
        """A fresh start and goal."""
        next_key, start_key = jax.random.split(key)
        start = self.task.draw_start(start_key)
        body = self.task.physics.rest(start.qpos, start.qvel)
        state = State(next_key, body, start.goal, jnp.zeros((), jnp.int32))
        fine = jnp.zeros((), bool)
        return state, self._timestep(state, jnp.asarray(StepType.FIRST), fine, fine)

    def step(self, state: State, action: Float[Array, " a"]) -> tuple[State, TimeStep[Observation]]:
        """One control step; actions are clipped to [-1, 1]."""
        body = self.task.physics.advance(state.body, self._control(state.body, action))
        finite = jnp.isfinite(jnp.concatenate(body)).all()
        # Of a broken state nothing is kept, so that no agent ever sees one.
        body = jax.tree.map(lambda new, old: jnp.where(finite, new, old), body, state.body)
        failed = ~(finite & self.task.healthy(body))
        state = State(state.key, body, state.goal, state.step + jnp.int32(1))
        last = failed | (state.step >= self.episode_length)
        step_type = jnp.where(last, StepType.LAST, StepType.MID)
        return state, self._timestep(state, step_type, failed, ~finite)

    def _control(self, body: PhysicsState, action: Float[Array, " a"]) -> Float[Array, " nu"]:
        action = jnp.clip(action, -1.0, 1.0)
        return action if self.task.control is None else self.task.control.apply(body, action)

    def _timestep(
        self,
        state: State,
        step_type: Int[Array, ""],
        failed: Bool[Array, ""],
        nonfinite: Bool[Array, ""],
    ) -> TimeStep[Observation]:
        goal = self.current_goal(state)
        observation = Observation(self.task.observe(state.body), goal)
        achieved = self.achieved_goal(observation.state)
        success = self.success(achieved, goal)
        reward = success & (step_type != StepType.FIRST)
        return TimeStep(
            step_type=step_type,
            reward=reward.astype(jnp.float32),
            discount=(~failed).astype(jnp.float32),
            observation=observation,
            extras={
                "success": success,
                "distance": self.distance(achieved, goal),
                "nonfinite": nonfinite,
            },
        )

    def current_goal(self, state: State) -> Float[Array, " g"]:
        """What is to be reached in `state`: the commanded goal, unless the task's goal moves."""
        move = self.task.moving_goal
        return state.goal if move is None else move(state.goal, state.body)

    def achieved_goal(self, state: Float[Array, "*b n"]) -> Float[Array, "*b g"]:
        """The goal that a state has reached."""
        return state[..., np.asarray(self.task.goal_indices)]

    def distance(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Float[Array, "*b"]:
        """`||achieved - goal||_2` (metres), unless the task has a distance of its own."""
        if self.task.distance is not None:
            return self.task.distance(achieved, goal)
        return jnp.sqrt(jnp.sum(jnp.square(achieved - goal), axis=-1))

    def success(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Bool[Array, "*b"]:
        """Whether the distance is strictly less than the success radius, unless the task has a rule
        of its own."""
        if self.task.success is not None:
            return self.task.success(achieved, goal)
        return self.distance(achieved, goal) < self.task.success_radius

    @cached_property
    def observation_spec(self) -> specs.Spec[Observation]:
        """Two unbounded float32 vectors."""
        return specs.Spec(
            Observation,
            "ObservationSpec",
            state=specs.Array((self.sizes.state,), jnp.float32, "state"),
            goal=specs.Array((self.sizes.goal,), jnp.float32, "goal"),
        )

    @cached_property
    def action_spec(self) -> specs.BoundedArray:
        """One number in [-1, 1] per motor."""
        return specs.BoundedArray((self.sizes.action,), jnp.float32, -1.0, 1.0, "action")

    def states_at_positions(
        self, like: State, positions: Float[Array, "k 2"]
    ) -> Float[Array, "k n"]:
        """Return what the robot would observe at rest at other places.

        Args:
            like: one (unbatched) state, for the pose and for everything but the robot.
            positions: x and y of the robot (metres), the first two entries of its qpos.
        """

        def observe_at(position: Float[Array, "2"]) -> Float[Array, " n"]:
            qpos = like.body.qpos.at[:2].set(position)
            return self.task.observe(self.task.physics.rest(qpos, jnp.zeros_like(like.body.qvel)))

        return jax.vmap(observe_at)(positions)

    def render(self, state: State) -> np.ndarray:
        """Return a picture of `state` by the `render_fn` that the environment was given.

        Raises:
            NotImplementedError: the environment was given none.
        """
        if self._render_fn is None:
            raise NotImplementedError(
                "this environment has no render_fn; call render_frame(env, state) of "
                "components.environments.rendering.render, or make the environment with "
                "GoalEnvironment(env.task, render_fn=render_frame)."
            )
        return self._render_fn(self, state)

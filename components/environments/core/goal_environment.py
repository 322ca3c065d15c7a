"""Goal-reaching tasks behind Jumanji's environment interface."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt32
from jumanji import specs
from jumanji.env import Environment
from jumanji.types import StepType, TimeStep

from components.env_dims import EnvDims
from components.environments.core.physics import PhysicsEngine, PhysicsState
from components.environments.core.task import Task, replace_physics

# Jumanji's wrappers and checks pass raw keys of two integers and expect them back in the state.
ResetKey = Key[Array, ""] | UInt32[Array, "2"]


class Observation(NamedTuple):
    """What the agent sees.

    Attributes:
        state: state of the robot, without the goal.
        goal: goal to reach.
    """

    state: Float[Array, " n"]
    goal: Float[Array, " g"]


class EnvState(NamedTuple):
    """The state of an environment between two steps.

    Attributes:
        key: for the next reset.
        physics_state: positions, velocities and latest control.
        goal: goal commanded at the start of the episode.
        step: steps since the start of the episode.
    """

    key: ResetKey
    physics_state: PhysicsState
    goal: Float[Array, " g"]
    step: Int[Array, ""]


class Outcome(NamedTuple):
    """The outcome of a step or a reset, before anything is observed.

    Attributes:
        state: of the environment.
        step_type: of the timestep there.
        failed: whether the episode terminated.
        nonfinite: whether it did because its physics diverged.
    """

    state: EnvState
    step_type: Int[Array, ""]
    failed: Bool[Array, ""]
    nonfinite: Bool[Array, ""]


# Draws a picture (height, width, 3) of uint8 from an environment and one of its states.
RenderFn = Callable[["GoalEnvironment", EnvState], np.ndarray]


class GoalEnvironment(Environment):
    """A Jumanji environment made from a `Task`.

    Every reset samples a fresh start and goal. The reward is 1 inside the success radius after the
    step, else 0. Reaching the goal does not end the episode. An unhealthy robot, or a physics state
    that is not finite, terminates the episode (discount 0); the time limit truncates it (discount
    1). If both happen in the same step, the episode terminates. `TimeStep.extras` holds `success`
    (bool), `distance` to the goal (metres) and `nonfinite` (bool): whether the episode ended
    because its physics diverged.
    """

    def __init__(self, task: Task, render_fn: RenderFn | None = None):
        """
        Args:
            task: the task to simulate.
            render_fn: draws one (unbatched) state for `render`, such as `render_frame`. Training
                needs none, and without one this package does not depend on rendering.
        """
        self.task = task
        self._render_fn = render_fn
        # Compute the dimensions first: they trace `reset`, and under the context below JAX would
        # compile and run each of its operations on its own.
        _ = self.dims
        # Jumanji's constructor compares the bounds of the action specification. An environment may
        # be made while JAX is tracing, and traced bounds cannot be compared.
        with jax.ensure_compile_time_eval():
            super().__init__()

    def __repr__(self) -> str:
        return f"GoalEnvironment(dims={self.dims}, episode_length={self.episode_length})"

    def with_engine(self, engine: PhysicsEngine) -> "GoalEnvironment":
        """Return the same task, simulated by another engine.

        Raises:
            SettingError: the engine cannot simulate it on the device that programs run on.
        """
        physics = self.task.physics.with_engine(engine)
        return GoalEnvironment(replace_physics(self.task, physics), self._render_fn)

    @property
    def episode_length(self) -> int:
        """Time limit (environment steps)."""
        return self.task.episode_length

    @cached_property
    def dims(self) -> EnvDims:
        """Dimensions of a state, a goal and an action."""
        physics, control = self.task.physics, self.task.control
        state, _ = jax.eval_shape(self.reset, jax.random.key(0))[1].observation
        actions = physics.model.nu if control is None else control.size
        return EnvDims(state.size, len(self.task.goal_indices), actions)

    def reset(self, key: ResetKey) -> tuple[EnvState, TimeStep[Observation]]:
        """Start an episode with a fresh start and goal."""
        return self._observe(self._begin(key))

    def step(
        self, state: EnvState, action: Float[Array, " a"]
    ) -> tuple[EnvState, TimeStep[Observation]]:
        """Simulate one control step; actions are clipped to [-1, 1]."""
        return self._observe(self._advance(state, action))

    def step_or_reset(
        self, state: EnvState, last: Bool[Array, ""], action: Float[Array, " a"], key: ResetKey
    ) -> tuple[EnvState, TimeStep[Observation]]:
        """Reset after the `last` timestep of an episode, else step; observe only one of them."""
        fresh, stepped = self._begin(key), self._advance(state, action)
        return self._observe(
            jax.tree.map(lambda new, old: jnp.where(last, new, old), fresh, stepped)
        )

    def _begin(self, key: ResetKey) -> Outcome:
        """Return the start of an episode, unobserved."""
        with jax.named_scope("reset"):
            next_key, start_key = jax.random.split(key)
            start = self.task.sample_start(_typed_key(start_key))
            physics_state = self.task.physics.initial_state(start.qpos, start.qvel)
        state = EnvState(next_key, physics_state, start.goal, jnp.zeros((), jnp.int32))
        no = jnp.zeros((), bool)
        return Outcome(state, jnp.asarray(StepType.FIRST), failed=no, nonfinite=no)

    def _advance(self, state: EnvState, action: Float[Array, " a"]) -> Outcome:
        """Return where a control step leads, unobserved."""
        before = state.physics_state
        with jax.named_scope("physics"):
            after = self.task.physics.apply_control(before, self._map_action(before, action))
        finite = jnp.isfinite(jnp.concatenate(after)).all()
        # Discard a state that is not finite altogether, so that no agent ever observes one.
        after = jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, before)
        failed = ~(finite & self.task.healthy(after))
        state = EnvState(state.key, after, state.goal, state.step + jnp.int32(1))
        last = failed | (state.step >= self.episode_length)
        return Outcome(state, jnp.where(last, StepType.LAST, StepType.MID), failed, ~finite)

    def _map_action(self, state: PhysicsState, action: Float[Array, " a"]) -> Float[Array, " nu"]:
        action = jnp.clip(action, -1.0, 1.0)
        return action if self.task.control is None else self.task.control.apply(state, action)

    def _observe(self, outcome: Outcome) -> tuple[EnvState, TimeStep[Observation]]:
        state = outcome.state
        with jax.named_scope("observation"):
            goal = self.current_goal(state)
            observation = Observation(self.task.observe(state.physics_state), goal)
        achieved = self.achieved_goal(observation.state)
        success = self.success(achieved, goal)
        reward = success & (outcome.step_type != StepType.FIRST)
        return state, TimeStep(
            step_type=outcome.step_type,
            reward=reward.astype(jnp.float32),
            discount=(~outcome.failed).astype(jnp.float32),
            observation=observation,
            extras={
                "success": success,
                "distance": self.distance(achieved, goal),
                "nonfinite": outcome.nonfinite,
            },
        )

    def current_goal(self, state: EnvState) -> Float[Array, " g"]:
        """Return the goal in `state`: the commanded one, unless the task's goal moves."""
        move = self.task.moving_goal
        return state.goal if move is None else move(state.goal, state.physics_state)

    def achieved_goal(self, state: Float[Array, "*b n"]) -> Float[Array, "*b g"]:
        """Return the goal achieved in an observed state."""
        return state[..., np.asarray(self.task.goal_indices)]

    def distance(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Float[Array, "*b"]:
        """Return `||achieved - goal||_2` (metres), or the task's own distance."""
        if self.task.distance is not None:
            return self.task.distance(achieved, goal)
        return jnp.sqrt(jnp.sum(jnp.square(achieved - goal), axis=-1))

    def success(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Bool[Array, "*b"]:
        """Return whether the distance is strictly less than the success radius, or what the task's
        own rule says."""
        if self.task.success is not None:
            return self.task.success(achieved, goal)
        return self.distance(achieved, goal) < self.task.success_radius

    @cached_property
    def observation_spec(self) -> specs.Spec[Observation]:
        """Two unbounded float32 vectors."""
        return specs.Spec(
            Observation,
            "ObservationSpec",
            state=specs.Array((self.dims.state,), jnp.float32, "state"),
            goal=specs.Array((self.dims.goal,), jnp.float32, "goal"),
        )

    @cached_property
    def action_spec(self) -> specs.BoundedArray:
        """One number in [-1, 1] per action dimension."""
        return specs.BoundedArray((self.dims.action,), jnp.float32, -1.0, 1.0, "action")

    def states_at_positions(
        self, like: EnvState, positions: Float[Array, "k 2"]
    ) -> Float[Array, "k n"]:
        """Return what the robot would observe at rest at other places.

        Args:
            like: one (unbatched) state, for the pose and for everything but the robot.
            positions: x and y of the robot (metres), the first two entries of its qpos.
        """
        pose, at_rest = like.physics_state.qpos, jnp.zeros_like(like.physics_state.qvel)

        def observe_at(position: Float[Array, "2"]) -> Float[Array, " n"]:
            qpos = pose.at[:2].set(position)
            return self.task.observe(self.task.physics.initial_state(qpos, at_rest))

        return jax.vmap(observe_at)(positions)

    def render(self, state: EnvState) -> np.ndarray:
        """Return a picture of one state, drawn by the `render_fn` given to the constructor.

        Raises:
            NotImplementedError: the constructor was given none.
        """
        if self._render_fn is None:
            raise NotImplementedError(
                "this environment has no render_fn; call render_frame(env, state) of "
                "components.environments.rendering.render, or make the environment with "
                "GoalEnvironment(env.task, render_fn=render_frame)."
            )
        return self._render_fn(self, state)


def engine_of(environment: Environment) -> PhysicsEngine | None:
    """Return what simulates an environment in a program traced now; None if nothing does."""
    task = getattr(environment, "task", None)
    return None if task is None else task.physics.chosen_engine()


def _typed_key(key: ResetKey) -> Key[Array, ""]:
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    return jax.random.wrap_key_data(key)

"""The half cheetah, which runs to a place."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine, PhysicsState
from components.environments.core.task import EpisodeStart, Task
from components.environments.robot_models.half_cheetah import SUBSTEPS, half_cheetah_model

POSITION_NOISE = 0.1
VELOCITY_NOISE = 0.1
GOAL = 5.0
SUCCESS_RADIUS = 0.5


def half_cheetah(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Run with a planar robot on two legs to a goal 5 m ahead.

    State (18): x, height of the torso above its start (0.7 m), pitch, thigh, shin and foot of the
    back leg, then of the front leg; then their nine velocities. Goal (1): x of the torso, always
    5 m, to be met within 0.5 m. Action (6): of full torque, which is 120, 90, 60 N m (back thigh,
    shin, foot) and 120, 60, 30 N m (front). A control step takes 0.05 s. Starts in the model's own
    stance with noise U(-0.1, 0.1) on every position and 0.1 N(0, 1) on every velocity. Never
    terminates.

    Departures from the reference implementations: no target body, so the robot weighs the 14 kg of
    its model (theirs 13.37 kg, the rest being the target's); reward 1 inside the success radius,
    else 0 (one of theirs adds effort to the reward).

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(half_cheetah, episode_length=episode_length)
    model = half_cheetah_model()
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, engine=physics),
            scene=model,
            sample_start=_sample_start,
            observe=_observe,
            goal_indices=(0,),
            success_radius=SUCCESS_RADIUS,
            episode_length=episode_length,
            camera_distance=5.0,
        )
    )


def _sample_start(key: Key[Array, ""]) -> EpisodeStart:
    qpos_key, qvel_key = jax.random.split(key)
    noise = jnp.float32(VELOCITY_NOISE)
    return EpisodeStart(
        qpos=jax.random.uniform(qpos_key, (9,), jnp.float32, -POSITION_NOISE, POSITION_NOISE),
        qvel=noise * jax.random.normal(qvel_key, (9,), jnp.float32),
        goal=jnp.full((1,), GOAL, jnp.float32),
    )


def _observe(state: PhysicsState) -> Float[Array, "18"]:
    return jnp.concatenate([state.qpos, state.qvel])

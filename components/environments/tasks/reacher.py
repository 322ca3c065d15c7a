"""An arm with two links that moves its tip to a place on the floor."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine, PhysicsState
from components.environments.core.task import EpisodeStart, Task
from components.environments.robot_models.reacher import (
    FORE,
    HEIGHT,
    SUBSTEPS,
    UPPER,
    reacher_model,
)

POSITION_NOISE = 0.1
VELOCITY_NOISE = 0.005
GOAL_RADIUS = 0.2


def reacher(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Bring the tip of an arm with two links of 0.1 m and 0.11 m to a point on a table.

    State (10): cosine of both joint angles, sine of both, then position (3) and velocity (3) of the
    tip. Goal (3): position of the tip, to be met within 0.05 m. Action (2): torque / 200 N m. A
    control step takes 0.02 s. Starts stretched along x with noise U(-0.1, 0.1) rad on the angles
    and U(-0.005, 0.005) rad/s on the velocities. The goal lies in a direction drawn uniformly, at
    a distance U(0, 0.2) m from the shoulder: dense near it, and everywhere within reach (0.018 to
    0.21 m) but for the innermost 18 mm, where the success radius reaches out. Never terminates.

    Departures from the reference implementations: a control step of 0.02 s in both (one of them ran
    at 0.04 s by mistake), gear 200 (one of them has 25, on another engine), a fresh goal at every
    reset, reward 1 inside the success radius, else 0.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(reacher, episode_length=episode_length)
    model = reacher_model()
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, engine=physics),
            scene=model,
            sample_start=_sample_start,
            observe=_observe,
            goal_indices=(4, 5, 6),
            success_radius=0.05,
            episode_length=episode_length,
            camera_distance=0.8,
        )
    )


def _sample_start(key: Key[Array, ""]) -> EpisodeStart:
    qpos_key, qvel_key, radius_key, angle_key = jax.random.split(key, 4)
    noise, slow = POSITION_NOISE, VELOCITY_NOISE
    radius = jax.random.uniform(radius_key, (), jnp.float32, 0.0, GOAL_RADIUS)
    angle = jax.random.uniform(angle_key, (), jnp.float32, 0.0, 2 * np.pi)
    goal = [radius * jnp.cos(angle), radius * jnp.sin(angle), jnp.float32(HEIGHT)]
    return EpisodeStart(
        qpos=jax.random.uniform(qpos_key, (2,), jnp.float32, -noise, noise),
        qvel=jax.random.uniform(qvel_key, (2,), jnp.float32, -slow, slow),
        goal=jnp.stack(goal),
    )


def _observe(state: PhysicsState) -> Float[Array, "10"]:
    tip, velocity = jax.jvp(_tip, (state.qpos,), (state.qvel,))
    return jnp.concatenate([jnp.cos(state.qpos), jnp.sin(state.qpos), tip, velocity])


def _tip(qpos: Float[Array, "2"]) -> Float[Array, "3"]:
    first, second = qpos[0], qpos[0] + qpos[1]
    x = UPPER * jnp.cos(first) + FORE * jnp.cos(second)
    y = UPPER * jnp.sin(first) + FORE * jnp.sin(second)
    return jnp.stack([x, y, jnp.full_like(x, HEIGHT)])

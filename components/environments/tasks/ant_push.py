"""The ant behind a block that it has to push out of its way."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine
from components.environments.core.samplers import choose_row
from components.environments.core.task import EpisodeStart, Task
from components.environments.mazes.maze import Maze
from components.environments.mazes.object_walls import move_both_walls
from components.environments.robot_models.ant import SUBSTEPS
from components.environments.robot_models.ant_push import (
    BLOCK_COLUMNS,
    ant_push_model,
    ant_push_physics_model,
    core_walls,
)
from components.environments.tasks.ant import (
    POSITION_NOISE,
    SUCCESS_RADIUS,
    is_ant_healthy,
    noisy_stance,
    observe_with_object,
)

# `M` is the movable block; the start cell is the origin.
MAZE = Maze(("#####", "#R.##", "#.MG#", "##G##", "#####"), scale=8.0, corner=-8.0)
START_HEIGHT = 0.75
GOAL_SPREAD = 2.0


def ant_push(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Push a block of 7.2 m aside with the ant to reach the place behind it.

    State (31): the 29 numbers of `ant`, then x and y of the block. Goal (2): x, y of the torso, to
    be met within 0.5 m. Action (8), control step and falls as in `ant`, for an ant of 7.3 kg. It
    starts near the origin at a height of 0.75 m with the noise of `ant`; the block starts at rest
    at (8, 8) + U(-0.1, 0.1)^2; the goal is (16, 8) or (8, 16), equally likely, + U(0, 2)^2. Cells
    are 8 m wide, fixed blocks 4 m high. The block has to go north for one goal and east for the
    other, and leaves no gap wide enough for the torso.

    Departures from the reference implementations: the block has 0.1 kg and two damped slides
    (theirs 0.0002 kg and three, and friction with the floor): it still goes where it is pushed and
    stops at once, and float32 is precise enough for it; its velocity starts at zero (theirs is
    random along x); blocks without friction; the quaternion, fresh goals and the reward as in
    `ant`.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant_push, episode_length=episode_length)
    walls = MAZE.walls
    model, whole = ant_push_physics_model(walls), ant_push_model(walls)
    update_model = move_both_walls(walls, core_walls(walls), model, BLOCK_COLUMNS)
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, update_model, whole=whole, engine=physics),
            scene=whole,
            sample_start=_sample_start,
            observe=observe_with_object,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=is_ant_healthy,
            episode_length=episode_length,
            maze=MAZE,
            camera_distance=25.0,
        )
    )


def _sample_start(key: Key[Array, ""]) -> EpisodeStart:
    ant_key, block_key, goal_key = jax.random.split(key, 3)
    qpos, qvel = noisy_stance(ant_key, jnp.zeros(2, jnp.float32), START_HEIGHT)
    block = MAZE.cell_centres("M")[0] + _uniform(block_key, -POSITION_NOISE, POSITION_NOISE)
    at_rest = jnp.zeros_like(block)
    return EpisodeStart(jnp.append(qpos, block), jnp.append(qvel, at_rest), _sample_goal(goal_key))


def _sample_goal(key: Key[Array, ""]) -> Float[Array, "2"]:
    corner_key, offset_key = jax.random.split(key)
    corner = choose_row(corner_key, MAZE.cell_centres("G"))
    return corner + _uniform(offset_key, 0.0, GOAL_SPREAD)


def _uniform(key: Key[Array, ""], low: float, high: float) -> Float[Array, "2"]:
    return jax.random.uniform(key, (2,), jnp.float32, low, high)

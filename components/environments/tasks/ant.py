"""The ant, on an open floor and in mazes."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float, Key

from components.constraints import OneOf, PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.health import torso_between
from components.environments.core.physics import Physics, PhysicsEngine, PhysicsState
from components.environments.core.samplers import PairSampler, pairs_in_cells, point_on_circle
from components.environments.core.task import EpisodeStart, Task
from components.environments.mazes.corridors import (
    CorridorLayout,
    Distances,
    make_corridor,
    pairs_at_distances,
)
from components.environments.mazes.layouts import Layout, make_maze
from components.environments.mazes.maze import Maze
from components.environments.mazes.walls import first_walls, move_nearest_walls
from components.environments.robot_models.ant import SUBSTEPS, ant_model

# x, y, z, quaternion, then hip and ankle of each leg.
STANCE = (0, 0, 0.55, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1)
POSITION_NOISE = 0.1
VELOCITY_NOISE = 0.1
GOAL_DISTANCE = 10.0
SUCCESS_RADIUS = 0.5

# The ant has fallen when its torso is lower than 0.2 m or higher than 1 m.
is_ant_healthy = torso_between(0.2, 1.0)
StartName = Annotated[str, OneOf(("origin", "around_goal"))]


def ant(
    start: StartName = "origin",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Walk an ant over an open floor to a goal 10 m from the origin in any direction.

    State (29): x, y, z, quaternion, hip and ankle of four legs; then the 14 velocities (linear in
    the world, angular in the body). Goal (2): x, y of the torso, to be met within 0.5 m. Action
    (8): torque / 150 N m; hip and ankle of leg 4, 1, 2, 3. A control step takes 0.05 s. Starts
    with noise U(-0.1, 0.1) on every position and 0.1 N(0, 1) on every velocity. Terminates when
    the torso is below 0.2 m or above 1 m.

    Departures from the reference implementations: MJX where theirs runs on another engine; the
    noisy quaternion is renormalised; a fresh goal at every reset; reward 1 inside the success
    radius, else 0.

    Args:
        start: `origin`, or `around_goal`: anywhere on the circle of 10 m around the goal.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant, start=start, episode_length=episode_length)
    model = ant_model()
    sample_start = _start_sampler(_pairs_on_circles(start))
    return _ant_environment(
        Physics(model, SUBSTEPS, engine=physics), model, sample_start, episode_length
    )


def ant_maze(
    layout: Layout = "u_maze",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Walk an ant through a maze with cells of 4 m and walls 2 m high.

    State, action, noise, success radius and falls as in `ant`. Starts around the centre of a start
    cell; the goal is the centre of a goal cell; both cells uniform. Walls have no friction here.

    Args:
        layout: name of a layout in `mazes.layouts`, or rows of text.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant_maze, episode_length=episode_length)
    maze = make_maze(layout)
    return _ant_in_maze(maze, _start_sampler(pairs_in_cells(maze)), episode_length, physics)


def ant_maze_stitching(
    layout: CorridorLayout = "u_maze",
    distances: Distances = (1, 2, 3),
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Walk an ant through a maze without branches to goals at chosen distances in cells.

    State, action, success radius and falls as in `ant_maze`. Start and goal are exact centres of
    cells on the way through the maze, the goal `d` cells further on: each `d` of `distances` is
    equally likely, and so is each pair of that distance. All but x and y of the start is noisy as
    in `ant`. Train on near pairs, and score on the far ones of the same word or of the layouts
    that end in `_eval`: Wang et al. (2025), "1000 Layer Networks for Self-Supervised RL", train
    on distances 1 to 3 of the u-maze and score on 4 to 6.

    Departures from the reference implementation: as `ant_maze`.

    Args:
        layout: name of a layout in `mazes.corridors`, or rows of text.
        distances: cells between start and goal.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range, or a distance longer than the maze.
    """
    check(ant_maze_stitching, distances=distances, episode_length=episode_length)
    maze = make_corridor(layout)
    pairs = pairs_at_distances(maze, distances)
    return _ant_in_maze(maze, _start_sampler(pairs, exact=True), episode_length, physics)


def _ant_in_maze(
    maze: Maze,
    sample_start: Callable[[Key[Array, ""]], EpisodeStart],
    episode_length: int,
    engine: PhysicsEngine | None,
) -> GoalEnvironment:
    model, whole = ant_model(first_walls(maze.walls)), ant_model(maze.walls)
    move_walls = move_nearest_walls(maze.walls, model)
    physics = Physics(model, SUBSTEPS, move_walls, whole=whole, engine=engine)
    return _ant_environment(physics, whole, sample_start, episode_length, maze)


def _ant_environment(
    physics: Physics,
    scene: mujoco.MjModel,
    sample_start: Callable[[Key[Array, ""]], EpisodeStart],
    episode_length: int,
    maze: Maze | None = None,
) -> GoalEnvironment:
    return GoalEnvironment(
        Task(
            physics=physics,
            scene=scene,
            sample_start=sample_start,
            observe=_observe,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=is_ant_healthy,
            episode_length=episode_length,
            maze=maze,
        )
    )


def _pairs_on_circles(start: str) -> PairSampler:
    """Return a sampler of goals around the origin and of starts there, or around the goal."""

    def sample_pair(key: Key[Array, ""]) -> tuple[Array, Array]:
        goal_key, start_key = jax.random.split(key)
        goal = point_on_circle(goal_key, GOAL_DISTANCE)
        around = goal + point_on_circle(start_key, GOAL_DISTANCE)
        return around if start == "around_goal" else jnp.zeros_like(goal), goal

    return sample_pair


def _start_sampler(
    sample_pair: PairSampler, exact: bool = False
) -> Callable[[Key[Array, ""]], EpisodeStart]:
    """Return a sampler of noisy stances; x and y of the start have no noise if `exact`."""

    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        pair_key, noise_key = jax.random.split(key)
        place, goal = sample_pair(pair_key)
        qpos, qvel = noisy_stance(noise_key, place)
        return EpisodeStart(qpos.at[:2].set(place) if exact else qpos, qvel, goal)

    return sample_start


def noisy_stance(
    key: Key[Array, ""], place: Float[Array, "2"], height: float = STANCE[2]
) -> tuple[Float[Array, "15"], Float[Array, "14"]]:
    """Sample positions and velocities of an ant that stands near `place` (metres)."""
    qpos_key, qvel_key = jax.random.split(key)
    stance = jnp.asarray(STANCE, jnp.float32).at[:3].set(jnp.append(place, jnp.float32(height)))
    noise = jax.random.uniform(qpos_key, (15,), jnp.float32, -POSITION_NOISE, POSITION_NOISE)
    qvel = jnp.float32(VELOCITY_NOISE) * jax.random.normal(qvel_key, (14,), jnp.float32)
    return _normalise_quaternion(stance + noise), qvel


def _normalise_quaternion(qpos: Float[Array, "15"]) -> Float[Array, "15"]:
    quaternion = qpos[3:7]
    return qpos.at[3:7].set(quaternion / jnp.linalg.norm(quaternion))


def _observe(state: PhysicsState) -> Float[Array, "29"]:
    return jnp.concatenate([state.qpos, state.qvel])


def observe_with_object(state: PhysicsState) -> Float[Array, "31"]:
    """Return the ant's 29 numbers, then x and y of the object that follows it in qpos."""
    return jnp.concatenate([state.qpos[:15], state.qvel[:14], state.qpos[15:17]])

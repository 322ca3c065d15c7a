"""A point mass in a maze: planar, cheap, solvable in minutes on a CPU."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine
from components.environments.core.samplers import PairSampler, pairs_in_cells
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
from components.environments.robot_models.point import SUBSTEPS, point_model

VELOCITY_NOISE = 0.1


def point_maze(
    layout: Layout = "u_maze",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Push a sphere of radius 0.25 m with two motors through a maze with cells of 4 m.

    State (4): x, y, vx, vy. Goal (2): x, y. Action (2): force / 5 N along x and y. A control step
    takes 0.2 s. Starts at the centre of a start cell with velocity 0.1 N(0, 1) m/s; the goal is the
    centre of a goal cell, to be met within 0.5 m; both cells uniform.

    Departures from the reference implementations: a control step of 0.2 s (theirs is 0.05 s), so
    that random actions carry the point through a maze within an episode (at 0.05 s they never
    left the first cells, and nothing was learned of the rest); joint damping 0.3 N s/m (theirs is
    0), which bounds the speed; walls without friction; reward 1 inside the success radius, else 0
    (theirs is dense).

    Args:
        layout: name of a layout in `mazes.layouts`, or rows of text.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(point_maze, episode_length=episode_length)
    maze = make_maze(layout)
    return _point_in_maze(maze, pairs_in_cells(maze), episode_length, physics)


def point_maze_stitching(
    layout: CorridorLayout = "u_maze",
    distances: Distances = (1, 2, 3),
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Push a sphere through a maze without branches to goals at chosen distances in cells.

    All but starts and goals as in `point_maze`; these as in `ant_maze_stitching`: centres of two
    cells on the way through the maze, the goal `d` cells further on, each `d` of `distances`
    equally likely, and so each pair of that distance.

    Args:
        layout: name of a layout in `mazes.corridors`, or rows of text.
        distances: cells between start and goal.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range, or a distance longer than the maze.
    """
    check(point_maze_stitching, distances=distances, episode_length=episode_length)
    maze = make_corridor(layout)
    return _point_in_maze(maze, pairs_at_distances(maze, distances), episode_length, physics)


def _point_in_maze(
    maze: Maze, sample_pair: PairSampler, episode_length: int, engine: PhysicsEngine | None
) -> GoalEnvironment:
    model, whole = point_model(first_walls(maze.walls)), point_model(maze.walls)
    move_walls = move_nearest_walls(maze.walls, model)

    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        pair_key, velocity_key = jax.random.split(key)
        start, goal = sample_pair(pair_key)
        qvel = jnp.float32(VELOCITY_NOISE) * jax.random.normal(velocity_key, (2,), jnp.float32)
        return EpisodeStart(start, qvel, goal)

    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, move_walls, whole=whole, engine=engine),
            scene=whole,
            sample_start=sample_start,
            observe=lambda state: jnp.concatenate([state.qpos, state.qvel]),
            goal_indices=(0, 1),
            success_radius=0.5,
            episode_length=episode_length,
            maze=maze,
        )
    )

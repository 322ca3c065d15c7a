"""The ant and a ball: the ball, not the ant, has to reach the goal."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine
from components.environments.core.samplers import choose_row, point_on_circle
from components.environments.core.task import EpisodeStart, Task
from components.environments.mazes.layouts import (
    BALL_LAYOUTS,
    BALL_MAZE_ROWS,
    BallLayout,
    make_maze,
)
from components.environments.mazes.maze import Maze
from components.environments.mazes.object_walls import move_both_walls
from components.environments.robot_models.ant import SUBSTEPS
from components.environments.robot_models.ant_ball import (
    BALL_COLUMNS,
    ant_ball_model,
    ant_ball_physics_model,
)
from components.environments.tasks.ant import (
    SUCCESS_RADIUS,
    is_ant_healthy,
    noisy_stance,
    observe_with_object,
)

GOAL_DISTANCE = 5.0
# The ball starts 1 m around the point 1 m from the origin towards the goal, where it is at least
# this far from the origin: there no foot reaches it.
CLEARANCE = 1.5
BALL = (29, 30)


def ant_ball(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Move a ball of radius 0.5 m with the ant to a goal 5 m away in any direction.

    State (31): the 29 numbers of `ant`, then x and y of the ball. Goal (2): x, y of the ball
    (entries 29 and 30 of the state), to be met within 0.5 m. Action (8), control step, noise of
    the ant's start and falls as in `ant`. The goal lies on the circle of 5 m around the origin;
    the ball starts at rest at goal / 5 + (cos phi, sin phi), phi uniform where the ball is clear
    of the ant: at least 1.5 m from the origin, hence 3 m and more from the goal. The ball glides
    without friction and does not roll; torso and feet touch it, legs pass through it.

    Departures from the reference implementations: those of `ant`; the ball's y is drawn with phi
    (theirs takes the goal's angle there); no ball starts inside the ant; the achieved goal is x and
    y of the ball (theirs takes the entry before each, the last joint's velocity and x); the ball's
    path has no end stops.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant_ball, episode_length=episode_length)
    model = ant_ball_model()
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, engine=physics),
            scene=model,
            sample_start=_sample_open_start,
            observe=observe_with_object,
            goal_indices=BALL,
            success_radius=SUCCESS_RADIUS,
            healthy=is_ant_healthy,
            episode_length=episode_length,
        )
    )


def ant_ball_maze(
    layout: BallLayout = "u_maze",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Move a ball with the ant through a maze with cells of 4 m and walls 2 m high.

    State, goal, action and falls as in `ant_ball`. The ant starts around the centre of a start
    cell as in `ant_maze`, the ball at rest at the centre of a ball cell; the goal is the centre of
    a goal cell; all three cells uniform and independent.

    Departures from the reference implementation: those of `ant_ball`; cells of ball and goal are
    independent (theirs draws both with one key); walls without friction.

    Args:
        layout: name in `mazes.layouts.BALL_LAYOUTS`, or rows of text.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant_ball_maze, episode_length=episode_length)
    maze = make_maze(layout, layouts=BALL_LAYOUTS, row_rules=(BALL_MAZE_ROWS,))
    model, whole = ant_ball_physics_model(maze.walls), ant_ball_model(maze.walls)
    update_model = move_both_walls(maze.walls, maze.walls, model, BALL_COLUMNS)
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, update_model, whole=whole, engine=physics),
            scene=whole,
            sample_start=_maze_start_sampler(maze),
            observe=observe_with_object,
            goal_indices=BALL,
            success_radius=SUCCESS_RADIUS,
            healthy=is_ant_healthy,
            episode_length=episode_length,
            maze=maze,
        )
    )


def _sample_open_start(key: Key[Array, ""]) -> EpisodeStart:
    goal_key, ball_key, ant_key = jax.random.split(key, 3)
    goal = point_on_circle(goal_key, GOAL_DISTANCE)
    ant = noisy_stance(ant_key, jnp.zeros_like(goal))
    return _with_ball(ant, _sample_ball(ball_key, goal), goal)


def _sample_ball(key: Key[Array, ""], goal: Float[Array, "2"]) -> Float[Array, "2"]:
    """Sample goal / 5 plus a unit vector, its direction uniform where that is clear of the ant."""
    # Two unit vectors at angle a have a sum of length 2 cos(a / 2).
    widest = 2 * np.arccos(CLEARANCE / 2)
    turn = jax.random.uniform(key, (), jnp.float32, -widest, widest)
    towards = goal / jnp.float32(GOAL_DISTANCE)
    sideways = jnp.stack([-towards[1], towards[0]])
    return towards + jnp.cos(turn) * towards + jnp.sin(turn) * sideways


def _maze_start_sampler(maze: Maze) -> Callable[[Key[Array, ""]], EpisodeStart]:
    cells = [maze.cell_centres(letter) for letter in "RBG"]

    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        ant_key, *cell_keys = jax.random.split(key, 4)
        place, ball, goal = map(choose_row, cell_keys, cells)
        return _with_ball(noisy_stance(ant_key, place), ball, goal)

    return sample_start


def _with_ball(
    ant: tuple[Float[Array, "15"], Float[Array, "14"]],
    ball: Float[Array, "2"],
    goal: Float[Array, "2"],
) -> EpisodeStart:
    """Return the ant with a ball at rest."""
    qpos, qvel = ant
    return EpisodeStart(jnp.append(qpos, ball), jnp.append(qvel, jnp.zeros_like(ball)), goal)

"""The ant, on an open floor and in mazes."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from components.constraints import OneOf, PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsState
from components.environments.core.samplers import choose, on_circle
from components.environments.core.task import Start, Task
from components.environments.mazes.corridors import (
    CorridorName,
    Distances,
    pairs_apart,
)
from components.environments.mazes.layouts import LayoutName
from components.environments.mazes.maze import Maze, maze
from components.environments.mazes.walls import move_nearest, nearest
from components.environments.robots.ant import SUBSTEPS, ant_model

# x, y, z, quaternion, then hip and ankle of each leg.
STANCE = (0, 0, 0.55, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1)
POSITION_NOISE = 0.1
VELOCITY_NOISE = 0.1
GOAL_DISTANCE = 10.0
SUCCESS_RADIUS = 0.5
LOWEST, HIGHEST = 0.2, 1.0

StartName = Annotated[str, OneOf(("origin", "around_goal"))]
# A start and a goal, each (2,), from a random key.
Places = Callable[[PRNGKeyArray], tuple[Array, Array]]


def ant(start: StartName = "origin", episode_length: PositiveInt = 1000) -> GoalEnvironment:
    """The ant on an open floor, with a goal 10 m from the origin in any direction.

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

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant, start=start, episode_length=episode_length)
    model = ant_model()
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS),
            scene=model,
            draw_start=_draw_start(_on_circles(start)),
            observe=_observe,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=healthy,
            episode_length=episode_length,
        )
    )


def ant_maze(layout: LayoutName = "u_maze", episode_length: PositiveInt = 1000) -> GoalEnvironment:
    """The ant in a maze with cells of 4 m and walls 2 m high.

    State, action, noise, success radius and falls as in `ant`. Starts around the centre of a start
    cell; the goal is the centre of a goal cell; both cells uniform. Walls have no friction here.

    Args:
        layout: name of the maze; see `maze_layouts`.
        episode_length: time limit (environment steps).

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant_maze, layout=layout, episode_length=episode_length)
    where = maze(layout)
    return _in_maze(where, _draw_start(_in_cells(where)), episode_length)


def ant_maze_stitching(
    layout: CorridorName = "u_maze",
    distances: Distances = (1, 2, 3),
    episode_length: PositiveInt = 1000,
) -> GoalEnvironment:
    """The ant in a maze without branches, its goals only so many cells ahead of its starts.

    State, action, success radius and falls as in `ant_maze`. Start and goal are exact centres of
    cells on the way through the maze, the goal `d` cells further on: each `d` of `distances` is
    equally likely, and so is each pair of that distance. All but x and y of the start is noisy as
    in `ant`. Train on near pairs, and score on the far ones of the same word or of the layouts
    that end in `_eval`: Wang et al. (2025), "1000 Layer Networks for Self-Supervised RL", train
    on distances 1 to 3 of the u-maze and score on 4 to 6.

    Departures from the reference implementation: as `ant_maze`.

    Args:
        layout: name of the maze.
        distances: cells between start and goal.
        episode_length: time limit (environment steps).

    Raises:
        SettingError: a setting outside its range, or a distance longer than the maze.
    """
    check(ant_maze_stitching, layout=layout, distances=distances, episode_length=episode_length)
    where = maze(layout)
    places = pairs_apart(where, distances)
    return _in_maze(where, _draw_start(places, exact=True), episode_length)


def _in_maze(
    where: Maze, draw_start: Callable[[PRNGKeyArray], Start], episode_length: int
) -> GoalEnvironment:
    model = ant_model(nearest(where.walls))
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, move_nearest(where.walls, model)),
            scene=ant_model(where.walls),
            draw_start=draw_start,
            observe=_observe,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=healthy,
            episode_length=episode_length,
            maze=where,
        )
    )


def _on_circles(start: str) -> Places:
    """Goals around the origin; starts there, or around the goal."""

    def draw(key: PRNGKeyArray) -> tuple[Array, Array]:
        goal_key, start_key = jax.random.split(key)
        goal = on_circle(goal_key, GOAL_DISTANCE)
        around = goal + on_circle(start_key, GOAL_DISTANCE)
        return around if start == "around_goal" else jnp.zeros_like(goal), goal

    return draw


def _in_cells(where: Maze) -> Places:
    """Centres of a start cell and of a goal cell."""
    starts, goals = where.centres("R"), where.centres("G")

    def draw(key: PRNGKeyArray) -> tuple[Array, Array]:
        start_key, goal_key = jax.random.split(key)
        return choose(start_key, starts), choose(goal_key, goals)

    return draw


def _draw_start(places: Places, exact: bool = False) -> Callable[[PRNGKeyArray], Start]:
    """Starts and goals at `places`; x and y of the start without noise if `exact`."""

    def draw(key: PRNGKeyArray) -> Start:
        places_key, noise_key = jax.random.split(key)
        place, goal = places(places_key)
        qpos, qvel = noisy_stance(noise_key, place)
        return Start(qpos.at[:2].set(place) if exact else qpos, qvel, goal)

    return draw


def noisy_stance(
    key: PRNGKeyArray, place: Float[Array, "2"], height: float = STANCE[2]
) -> tuple[Float[Array, "15"], Float[Array, "14"]]:
    """Positions and velocities of an ant that stands near `place` (metres), with noise."""
    qpos_key, qvel_key = jax.random.split(key)
    stance = jnp.asarray(STANCE, jnp.float32).at[:3].set(jnp.append(place, jnp.float32(height)))
    noise = jax.random.uniform(qpos_key, (15,), jnp.float32, -POSITION_NOISE, POSITION_NOISE)
    qvel = jnp.float32(VELOCITY_NOISE) * jax.random.normal(qvel_key, (14,), jnp.float32)
    return _upright(stance + noise), qvel


def _upright(qpos: Float[Array, "15"]) -> Float[Array, "15"]:
    """The same positions with a quaternion of length 1."""
    quaternion = qpos[3:7]
    return qpos.at[3:7].set(quaternion / jnp.linalg.norm(quaternion))


def _observe(body: PhysicsState) -> Float[Array, "29"]:
    return jnp.concatenate([body.qpos, body.qvel])


def observe_beside(body: PhysicsState) -> Float[Array, "31"]:
    """The ant's 29 numbers, then x and y of the object that follows it in qpos."""
    return jnp.concatenate([body.qpos[:15], body.qvel[:14], body.qpos[15:17]])


def healthy(body: PhysicsState) -> Bool[Array, ""]:
    """Whether the torso is between 0.2 m and 1 m."""
    return (body.qpos[2] >= LOWEST) & (body.qpos[2] <= HIGHEST)

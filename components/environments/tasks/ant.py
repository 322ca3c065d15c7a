"""The ant, on an open floor and in mazes."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from components.environments.goal_environment import GoalEnvironment
from components.environments.maze_layouts import LayoutName
from components.environments.mazes import maze
from components.environments.physics import Body, Physics
from components.environments.robots.ant import SUBSTEPS, ant_model
from components.environments.starts import choose, on_circle
from components.environments.task import Start, Task
from components.environments.walls import move_nearest, nearest
from components.settings import PositiveInt, check

# x, y, z, quaternion, then hip and ankle of each leg.
STANCE = (0, 0, 0.55, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1)
POSITION_NOISE = 0.1
VELOCITY_NOISE = 0.1
GOAL_DISTANCE = 10.0
SUCCESS_RADIUS = 0.5
LOWEST, HIGHEST = 0.2, 1.0


def ant(episode_length: PositiveInt = 1000) -> GoalEnvironment:
    """The ant on an open floor, with a goal 10 m away in any direction.

    State (29): x, y, z, quaternion, hip and ankle of four legs; then the 14 velocities (linear in
    the world, angular in the body). Goal (2): x, y of the torso, to be met within 0.5 m. Action
    (8): torque / 150 N m; hip and ankle of leg 4, 1, 2, 3. A control step takes 0.05 s. Starts
    around the origin with noise U(-0.1, 0.1) on every position and 0.1 N(0, 1) on every velocity.
    Terminates when the torso is below 0.2 m or above 1 m.

    Departures from the reference implementations: MJX where theirs runs on another engine; the
    noisy quaternion is renormalised; a fresh goal at every reset; reward 1 inside the success
    radius, else 0.

    Args:
        episode_length: time limit (environment steps).

    Raises:
        SettingError: a setting outside its range.
    """
    check(ant, episode_length=episode_length)
    origins = np.zeros((1, 2), np.float32)
    model = ant_model()
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS),
            scene=model,
            draw_start=_draw_start(origins, partial(on_circle, radius=GOAL_DISTANCE)),
            observe=_observe,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=_healthy,
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
    model = ant_model(nearest(where.walls))
    return GoalEnvironment(
        Task(
            physics=Physics(model, SUBSTEPS, move_nearest(where.walls, model)),
            scene=ant_model(where.walls),
            draw_start=_draw_start(where.centres("R"), partial(choose, rows=where.centres("G"))),
            observe=_observe,
            goal_indices=(0, 1),
            success_radius=SUCCESS_RADIUS,
            healthy=_healthy,
            episode_length=episode_length,
            maze=where,
        )
    )


def _draw_start(
    places: np.ndarray, draw_goal: Callable[[PRNGKeyArray], Array]
) -> Callable[[PRNGKeyArray], Start]:
    """Starts near one of `places` (k, 2), with noise on everything."""

    def draw(key: PRNGKeyArray) -> Start:
        place_key, goal_key, qpos_key, qvel_key = jax.random.split(key, 4)
        stance = jnp.asarray(STANCE, jnp.float32).at[:2].set(choose(place_key, places))
        noise = jax.random.uniform(qpos_key, (15,), jnp.float32, -POSITION_NOISE, POSITION_NOISE)
        qvel = jnp.float32(VELOCITY_NOISE) * jax.random.normal(qvel_key, (14,), jnp.float32)
        return Start(_upright(stance + noise), qvel, draw_goal(goal_key))

    return draw


def _upright(qpos: Float[Array, "15"]) -> Float[Array, "15"]:
    """The same positions with a quaternion of length 1."""
    quaternion = qpos[3:7]
    return qpos.at[3:7].set(quaternion / jnp.linalg.norm(quaternion))


def _observe(body: Body) -> Float[Array, "29"]:
    return jnp.concatenate([body.qpos, body.qvel])


def _healthy(body: Body) -> Bool[Array, ""]:
    return (body.qpos[2] >= LOWEST) & (body.qpos[2] <= HIGHEST)

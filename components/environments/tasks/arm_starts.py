"""Where the cubes of the Panda's tasks start and are to go."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.environments.core.task import EpisodeStart
from components.environments.robots.panda_scenes import CUBE_HALF, Square

# How far from the base (metres) the gripper can close around a cube on the table.
REACH = 0.9
# Of the square that reaches furthest a seventh is out of reach: 16 tries fail once in 10^13.
TRIES = 16

Draw = Callable[[Key[Array, ""]], EpisodeStart]


def cube_start(rest: np.ndarray, start: Square, goal: Square) -> Draw:
    """The robot at `rest`, the cube somewhere in `start`, its goal somewhere in `goal`."""

    def draw(key: Key[Array, ""]) -> EpisodeStart:
        start_key, goal_key = jax.random.split(key)
        return _at_rest(rest, on_table(start_key, start), on_table(goal_key, goal))

    return draw


def grasp_start(rest: np.ndarray, start: Square) -> Draw:
    """The robot at `rest`, the cube somewhere in `start`; the goal is around the cube."""

    def draw(key: Key[Array, ""]) -> EpisodeStart:
        cube = on_table(key, start)
        return _at_rest(rest, cube, grasp_goal(cube))

    return draw


def grasp_goal(cube: Float[Array, "3"]) -> Float[Array, "7"]:
    """Left and right fingertip on either side of the cube along x, and the gap between them."""
    aside = jnp.asarray([GRASP_GAP / 2, 0, 0], jnp.float32)
    gap = jnp.full(1, GRASP_GAP, jnp.float32)
    return jnp.concatenate([cube + aside, cube - aside, gap])


GRASP_GAP = 0.075


def on_table(key: Key[Array, ""], square: Square) -> Float[Array, "3"]:
    """The middle of a cube at rest, uniform over that part of a square that is within reach."""
    noise = jax.random.uniform(key, (TRIES, 2), jnp.float32, -square.half, square.half)
    places = noise + jnp.asarray([[square.x, square.y]], jnp.float32)
    within = jnp.sum(jnp.square(places), axis=1) <= jnp.float32(REACH**2)
    return jnp.append(places[jnp.argmax(within)], jnp.float32(CUBE_HALF))


def _at_rest(rest: np.ndarray, cube: Float[Array, "3"], goal: Float[Array, " g"]) -> EpisodeStart:
    """Everything still; the cube square to the table."""
    square = jnp.asarray([1, 0, 0, 0], jnp.float32)
    qpos = jnp.concatenate([jnp.asarray(rest, jnp.float32), cube, square])
    return EpisodeStart(qpos, jnp.zeros(len(rest) + 6, jnp.float32), goal)

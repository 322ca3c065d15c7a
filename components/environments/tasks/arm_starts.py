"""Starts and goals of the cubes of the Panda's tasks."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.environments.core.task import EpisodeStart
from components.environments.robot_models.panda_scenes import CUBE_HALF, Square

# Distance from the base (metres) within which the gripper can close around a cube on the table.
REACH = 0.9
# Of the square that reaches furthest a seventh is out of reach: 16 tries fail once in 10^13.
TRIES = 16

StartSampler = Callable[[Key[Array, ""]], EpisodeStart]


def cube_start_sampler(rest: np.ndarray, start: Square, goal: Square) -> StartSampler:
    """Return a sampler: the robot at `rest`, the cube in `start`, its goal in `goal`."""

    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        start_key, goal_key = jax.random.split(key)
        return _at_rest(rest, sample_on_table(start_key, start), sample_on_table(goal_key, goal))

    return sample_start


def grasp_start_sampler(rest: np.ndarray, start: Square) -> StartSampler:
    """Return a sampler: the robot at `rest`, the cube in `start`, the goal around the cube."""

    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        cube = sample_on_table(key, start)
        return _at_rest(rest, cube, grasp_goal(cube))

    return sample_start


def grasp_goal(cube: Float[Array, "3"]) -> Float[Array, "7"]:
    """Return the goal around a cube: left and right fingertip along x, and the gap between them."""
    aside = jnp.asarray([GRASP_GAP / 2, 0, 0], jnp.float32)
    gap = jnp.full(1, GRASP_GAP, jnp.float32)
    return jnp.concatenate([cube + aside, cube - aside, gap])


GRASP_GAP = 0.075


def sample_on_table(key: Key[Array, ""], square: Square) -> Float[Array, "3"]:
    """Sample the middle of a cube at rest uniformly over the part of a square within reach."""
    noise = jax.random.uniform(key, (TRIES, 2), jnp.float32, -square.half, square.half)
    places = noise + jnp.asarray([[square.x, square.y]], jnp.float32)
    within = jnp.sum(jnp.square(places), axis=1) <= jnp.float32(REACH**2)
    return jnp.append(places[jnp.argmax(within)], jnp.float32(CUBE_HALF))


def _at_rest(rest: np.ndarray, cube: Float[Array, "3"], goal: Float[Array, " g"]) -> EpisodeStart:
    """Return an episode start with everything at rest and the cube square to the table."""
    square = jnp.asarray([1, 0, 0, 0], jnp.float32)
    qpos = jnp.concatenate([jnp.asarray(rest, jnp.float32), cube, square])
    return EpisodeStart(qpos, jnp.zeros(len(rest) + 6, jnp.float32), goal)

"""Samplers of starts and goals that several tasks share."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.environments.mazes.maze import Maze

# Samples x and y of a start and of a goal (metres), each (2,), from a random key.
PairSampler = Callable[[Key[Array, ""]], tuple[Array, Array]]


def choose_row(key: Key[Array, ""], rows: np.ndarray) -> Float[Array, " d"]:
    """Sample one row of `rows` (k, d) uniformly."""
    index = jax.random.randint(key, (), 0, len(rows))
    return jnp.asarray(rows, jnp.float32)[index]


def point_on_circle(key: Key[Array, ""], radius: float) -> Float[Array, "2"]:
    """Sample a point on the circle of this radius (metres) around the origin uniformly."""
    angle = jax.random.uniform(key, (), jnp.float32, 0.0, 2 * np.pi)
    return jnp.float32(radius) * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def pairs_in_cells(maze: Maze) -> PairSampler:
    """Return a sampler of the centres of a start cell and a goal cell, independent and uniform."""
    starts, goals = maze.cell_centres("R"), maze.cell_centres("G")

    def sample_pair(key: Key[Array, ""]) -> tuple[Array, Array]:
        start_key, goal_key = jax.random.split(key)
        return choose_row(start_key, starts), choose_row(goal_key, goals)

    return sample_pair

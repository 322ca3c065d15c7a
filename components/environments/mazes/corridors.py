"""Mazes without branches, and pairs of a start and a goal a given way apart in them.

To train on near pairs only and be scored on far ones asks an agent to stitch: to reach in one
episode what it has only ever seen in pieces.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from components.constraints import OneOf, SettingError
from components.environments.mazes.maze import Maze

CorridorName = Annotated[
    str, OneOf(("u_maze", "u2_maze", "u3_maze", "u4_maze", "u5_maze", "u6_maze", "u7_maze"))
]


@dataclass(frozen=True)
class WholeAndDistinct:
    """Every number at least 1 and none twice."""

    def problem(self, value: Any) -> str | None:
        if value and min(value) >= 1 and len(set(value)) == len(value):
            return None
        return f"is {value!r}; it must hold numbers of at least 1, each once, as in (1, 2, 3)."


Distances = Annotated[tuple[int, ...], WholeAndDistinct()]
# A start and a goal (metres).
Pair = tuple[Float[Array, "2"], Float[Array, "2"]]


def corridor(where: Maze) -> Float[np.ndarray, "n 2"]:
    """Centres of all free cells (metres), from the start cell to the other end of the maze.

    Raises:
        ValueError: the maze has a branch, or starts in the middle.
    """
    i, j = (int(k) for k in np.argwhere(where.grid == "R")[0])
    steps = where.steps_from((i, j))
    path = sorted(steps, key=steps.__getitem__)
    cells_at = Counter(steps.values())
    for distance in range(1, len(where.free)):
        if cells_at[distance] != 1:
            here = path[distance - 1]
            raise ValueError(f"cell {here} has {cells_at[distance]} ways on; a corridor has one.")
    return where.scale * np.array(path, np.float32)


def check_reach(distances: tuple[int, ...], path: np.ndarray) -> None:
    """Raise SettingError if a path (n, 2) has no two cells so far apart."""
    farthest = len(path) - 1
    if max(distances) > farthest:
        raise SettingError(
            "distances",
            f"is {distances!r}; this maze has {len(path)} cells, so the farthest is {farthest}.",
        )


def draw_pair(key: PRNGKeyArray, path: np.ndarray, distances: tuple[int, ...]) -> Pair:
    """A start and a goal `d` cells further along `path` (n, 2).

    Every `d` of `distances` is equally likely, and so is every start of which such a goal exists.
    """
    distance_key, start_key = jax.random.split(key)
    distance = jax.random.choice(distance_key, jnp.asarray(distances, jnp.int32))
    start = jax.random.randint(start_key, (), 0, jnp.int32(len(path)) - distance)
    centres = jnp.asarray(path, jnp.float32)
    return centres[start], centres[start + distance]


def pairs_apart(where: Maze, distances: tuple[int, ...]) -> Callable[[PRNGKeyArray], Pair]:
    """A function that draws pairs of a maze without branches; see `draw_pair`.

    Raises:
        SettingError: a distance longer than the maze.
    """
    path = corridor(where)
    check_reach(distances, path)
    return lambda key: draw_pair(key, path, distances)

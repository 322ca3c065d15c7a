"""Mazes without branches, and pairs of a start and a goal at a given path length in them.

An agent that trains on near pairs only and is scored on far ones has to stitch: to reach in one
episode what it has only seen in pieces.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.constraints import OneOf, SettingError
from components.environments.mazes.layout_rules import MazeRows
from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.maze import Maze

CORRIDORS = {
    name: LAYOUTS[name]
    for name in ("u_maze", "u2_maze", "u3_maze", "u4_maze", "u5_maze", "u6_maze", "u7_maze")
}


@dataclass(frozen=True)
class WithoutBranches:
    """Rows of a maze that is one corridor, with a single start at one end."""

    def __str__(self) -> str:
        return "one corridor with its start at one end"

    def problem(self, value: Sequence[str]) -> str | None:
        starts = sum(row.count("R") for row in value)
        if starts != 1:
            return f"has {starts} starts; a corridor has one, at one end."
        try:
            corridor_path(Maze(tuple(value), 1.0))
        except ValueError as error:
            return f"is not a corridor: {error}"
        return None


# Any free cell of a corridor can be a goal, so `G` means the same as `.` here.
CORRIDOR_ROWS = MazeRows(required="R", allowed="G")
CorridorLayout = (
    Annotated[str, OneOf(tuple(CORRIDORS))]
    | Annotated[Sequence[str], CORRIDOR_ROWS, WithoutBranches()]
)


@dataclass(frozen=True)
class DistinctCounts:
    """Distinct whole numbers of at least 1, one or more."""

    def __str__(self) -> str:
        return "each at least 1 and once"

    def problem(self, value: Any) -> str | None:
        if value and min(value) >= 1 and len(set(value)) == len(value):
            return None
        return f"is {value!r}; it must hold numbers of at least 1, each once, as in (1, 2, 3)."


Distances = Annotated[tuple[int, ...], DistinctCounts()]
# A start and a goal (metres).
Pair = tuple[Float[Array, "2"], Float[Array, "2"]]


def make_corridor(layout: str | Sequence[str]) -> Maze:
    """Return the maze of a name among `CORRIDORS`, or of rows of text.

    Raises:
        SettingError: an unknown name, or rows that are not a corridor.
    """
    return make_maze(layout, layouts=CORRIDORS, row_rules=(CORRIDOR_ROWS, WithoutBranches()))


def corridor_path(maze: Maze) -> Float[np.ndarray, "n 2"]:
    """Return the centres of all free cells (metres), from the start cell to the other end.

    Raises:
        ValueError: the maze has a branch, or starts in the middle.
    """
    i, j = (int(k) for k in np.argwhere(maze.grid == "R")[0])
    distances = maze.distances_from((i, j))
    path = sorted(distances, key=distances.__getitem__)
    cells_at = Counter(distances.values())
    for distance in range(1, len(maze.free_cells)):
        if cells_at[distance] != 1:
            i, j = path[distance - 1]
            raise ValueError(
                f"row {i + 1}, column {j + 1} has {cells_at[distance]} ways on; a corridor has one."
            )
    return maze.scale * np.array(path, np.float32)


def check_distances(distances: tuple[int, ...], path: np.ndarray) -> None:
    """Raise SettingError if a path (n, 2) has no two cells that far apart."""
    farthest = len(path) - 1
    if max(distances) > farthest:
        raise SettingError(
            "distances",
            f"is {distances!r}; this maze has {len(path)} cells, so the farthest is {farthest}.",
        )


def sample_pair(key: Key[Array, ""], path: np.ndarray, distances: tuple[int, ...]) -> Pair:
    """Sample a start and a goal `d` cells further along `path` (n, 2).

    Every `d` of `distances` is equally likely, and so is every start that has such a goal.
    """
    distance_key, start_key = jax.random.split(key)
    distance = jax.random.choice(distance_key, jnp.asarray(distances, jnp.int32))
    start = jax.random.randint(start_key, (), 0, jnp.int32(len(path)) - distance)
    centres = jnp.asarray(path, jnp.float32)
    return centres[start], centres[start + distance]


def pairs_at_distances(maze: Maze, distances: tuple[int, ...]) -> Callable[[Key[Array, ""]], Pair]:
    """Return a sampler of pairs in a maze without branches; see `sample_pair`.

    Raises:
        SettingError: a distance longer than the maze.
    """
    path = corridor_path(maze)
    check_distances(distances, path)
    return lambda key: sample_pair(key, path, distances)

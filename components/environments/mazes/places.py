"""Places in a maze: where a robot can stand, and how far apart they are."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from components.environments.mazes.maze import Cell, Maze


class Places(NamedTuple):
    """A grid of places that covers a maze.

    Attributes:
        x: coordinates of the rows (metres).
        y: coordinates of the columns (metres).
        free: whether the place lies in no wall.
    """

    x: Float[np.ndarray, " rows"]
    y: Float[np.ndarray, " columns"]
    free: Bool[np.ndarray, "rows columns"]

    def positions(self) -> Float[np.ndarray, "k 2"]:
        """x and y of the free places, in reading order (metres)."""
        i, j = np.nonzero(self.free)
        return np.stack([self.x[i], self.y[j]], axis=1).astype(np.float32)


def places(maze: Maze, per_cell: int) -> Places:
    """`per_cell` places along either side of every cell, at equal distances."""
    free = np.repeat(np.repeat(maze.grid != "#", per_cell, axis=0), per_cell, axis=1)
    x, y = (_along(maze, cells, per_cell) for cells in maze.grid.shape)
    return Places(x, y, free)


def _along(maze: Maze, cells: int, per_cell: int) -> np.ndarray:
    inside = (np.arange(cells * per_cell) + 0.5) / per_cell - 0.5
    return maze.corner + maze.scale * inside


def cells_between(
    maze: Maze, start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"]
) -> int | None:
    """Cells to be crossed from one place to another around the walls; None where no way leads."""
    return maze.steps_from(_cell(maze, start)).get(_cell(maze, end))


def _cell(maze: Maze, place: np.ndarray) -> Cell:
    i, j = np.rint((np.asarray(place) - maze.corner) / maze.scale).astype(int)
    return int(i), int(j)

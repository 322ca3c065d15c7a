"""A grid of positions over a maze, and path lengths between positions."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from components.environments.mazes.maze import Cell, Maze


class PositionGrid(NamedTuple):
    """Positions that cover a maze at equal distances.

    Attributes:
        x: coordinates of the rows (metres).
        y: coordinates of the columns (metres).
        free: whether the position lies outside all walls.
    """

    x: Float[np.ndarray, " rows"]
    y: Float[np.ndarray, " columns"]
    free: Bool[np.ndarray, "rows columns"]

    def free_positions(self) -> Float[np.ndarray, "k 2"]:
        """Return x and y of the free positions, in reading order (metres)."""
        i, j = np.nonzero(self.free)
        return np.stack([self.x[i], self.y[j]], axis=1).astype(np.float32)


def make_position_grid(maze: Maze, per_cell: int) -> PositionGrid:
    """Return the grid with `per_cell` positions along either side of every cell."""
    free = np.repeat(np.repeat(maze.grid != "#", per_cell, axis=0), per_cell, axis=1)
    x, y = (_coordinates(maze, cells, per_cell) for cells in maze.grid.shape)
    return PositionGrid(x, y, free)


def _coordinates(maze: Maze, cells: int, per_cell: int) -> np.ndarray:
    in_cells = (np.arange(cells * per_cell) + 0.5) / per_cell - 0.5
    return maze.corner + maze.scale * in_cells


def cells_between(
    maze: Maze, start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"]
) -> int | None:
    """Return the length, in cells, of the shortest path between two positions, None if there is
    none."""
    return maze.distances_from(_cell_at(maze, start)).get(_cell_at(maze, end))


def _cell_at(maze: Maze, position: np.ndarray) -> Cell:
    i, j = np.rint((np.asarray(position) - maze.corner) / maze.scale).astype(int)
    return int(i), int(j)

"""Mazes: from a text map to metres."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.environments.maze_layouts import LAYOUTS
from components.environments.walls import Boxes, boxes, merge


@dataclass(frozen=True)
class Maze:
    """A grid of square cells.

    The centre of the cell in row i and column j lies at (x, y) = (scale * i, scale * j).

    Attributes:
        rows: one string per row, of `#` wall, `R` start, `G` goal and `.` free.
        scale: side of a cell (metres).
    """

    rows: tuple[str, ...]
    scale: float

    def centres(self, letter: str) -> np.ndarray:
        """World positions (k, 2) of the centres of all cells with this letter, in reading order."""
        return (self.scale * np.argwhere(self.grid == letter)).astype(np.float32)

    @cached_property
    def grid(self) -> np.ndarray:
        """The letters, (rows, columns)."""
        return np.array([list(row) for row in self.rows])

    @cached_property
    def walls(self) -> Boxes:
        """The wall cells as few long boxes."""
        return boxes(merge(self.grid == "#"), self.scale)


def maze(layout: str, scale: float = 4.0) -> Maze:
    """The maze of that name, with cells of `scale` metres."""
    return Maze(tuple(LAYOUTS[layout].split()), scale)

"""Mazes: from a text map to metres."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.environments.mazes.layouts import LAYOUTS
from components.environments.mazes.walls import Boxes, boxes, merge

# Row and column.
Cell = tuple[int, int]


@dataclass(frozen=True)
class Maze:
    """A grid of square cells.

    The centre of the cell in row i and column j lies at (x, y) = corner + (scale * i, scale * j).

    Attributes:
        rows: one string per row, of `#` wall, `R` start, `G` goal, `.` free and letters of a task.
        scale: side of a cell (metres).
        corner: centre of the first cell, x and y alike (metres).
    """

    rows: tuple[str, ...]
    scale: float
    corner: float = 0.0

    def centres(self, letter: str) -> np.ndarray:
        """World positions (k, 2) of the centres of all cells with this letter, in reading order."""
        cells = np.argwhere(self.grid == letter)
        return (self.corner + self.scale * cells).astype(np.float32)

    @cached_property
    def grid(self) -> np.ndarray:
        """The letters, (rows, columns)."""
        return np.array([list(row) for row in self.rows])

    @cached_property
    def free(self) -> frozenset[Cell]:
        """The cells without a wall."""
        return frozenset((int(i), int(j)) for i, j in np.argwhere(self.grid != "#"))

    def steps_from(self, start: Cell) -> dict[Cell, int]:
        """How many cells away, around the walls, each free cell is that can be reached."""
        steps, waiting = {start: 0}, deque([start])
        while waiting:
            i, j = here = waiting.popleft()
            beside = [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
            found = self.free.intersection(beside) - steps.keys()
            steps.update(dict.fromkeys(found, steps[here] + 1))
            waiting.extend(found)
        return steps

    @cached_property
    def walls(self) -> Boxes:
        """The wall cells as few long boxes."""
        centre, half = boxes(merge(self.grid == "#"), self.scale)
        return Boxes(centre + np.float32(self.corner), half)


def maze(layout: str, scale: float = 4.0, layouts: Mapping[str, str] = LAYOUTS) -> Maze:
    """The maze of that name among `layouts`, with cells of `scale` metres."""
    return Maze(tuple(layouts[layout].split()), scale)

"""The geometry of a maze: from a text map to metres."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.environments.mazes.walls import Boxes, boxes_in_metres, merge_cells

# Row and column.
Cell = tuple[int, int]


@dataclass(frozen=True)
class Maze:
    """A grid of square cells.

    The centre of the cell in row i and column j lies at (x, y) = corner + (scale * i, scale * j).

    Attributes:
        rows: one string per row: `#` wall, `R` start, `G` goal, `.` free, and letters that a task
            adds.
        scale: side of a cell (metres).
        corner: both x and y of the centre of the first cell (metres).
    """

    rows: tuple[str, ...]
    scale: float
    corner: float = 0.0

    def cell_centres(self, letter: str) -> np.ndarray:
        """Return world positions (k, 2) of the centres of all cells with this letter, in reading
        order."""
        cells = np.argwhere(self.grid == letter)
        return (self.corner + self.scale * cells).astype(np.float32)

    @cached_property
    def grid(self) -> np.ndarray:
        """The letters, (rows, columns)."""
        return np.array([list(row) for row in self.rows])

    @cached_property
    def free_cells(self) -> frozenset[Cell]:
        """The cells without a wall."""
        return frozenset((int(i), int(j)) for i, j in np.argwhere(self.grid != "#"))

    def distances_from(self, start: Cell) -> dict[Cell, int]:
        """Return the length, in cells, of the shortest path from `start` to each free cell that can
        be reached."""
        distances, waiting = {start: 0}, deque([start])
        while waiting:
            i, j = here = waiting.popleft()
            neighbours = [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
            found = self.free_cells.intersection(neighbours) - distances.keys()
            distances.update(dict.fromkeys(found, distances[here] + 1))
            waiting.extend(found)
        return distances

    @cached_property
    def walls(self) -> Boxes:
        """The wall cells, merged into few long boxes."""
        centre, half = boxes_in_metres(merge_cells(self.grid == "#"), self.scale)
        return Boxes(centre + np.float32(self.corner), half)

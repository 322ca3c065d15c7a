"""Rules for a maze layout that a user writes as rows of text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.environments.mazes.maze import Maze

LETTERS = {"#": "wall", ".": "free", "R": "start", "G": "goal", "B": "ball"}
EXAMPLE = "['#####', '#R.G#', '#####']"


@dataclass(frozen=True)
class MazeRows:
    """Rows of equal length that form a closed maze, its marked cells connected.

    Attributes:
        required: letters that must occur.
        allowed: letters that may occur besides these, `#` and `.`.
    """

    required: str = "RG"
    allowed: str = ""

    def __str__(self) -> str:
        return f"rows of text as in {EXAMPLE}"

    def problem(self, value: Sequence[str]) -> str | None:
        """Return the first thing wrong with these rows, or None."""
        rows = tuple(value)
        return (
            _shape_problem(rows)
            or self._letter_problem(rows)
            or _border_problem(rows)
            or self._missing_problem(rows)
            or _reach_problem(rows)
        )

    def _letter_problem(self, rows: tuple[str, ...]) -> str | None:
        known = [letter for letter in LETTERS if letter in f"#.{self.required}{self.allowed}"]
        for i, row in enumerate(rows):
            for j, letter in enumerate(row):
                if letter not in known:
                    meanings = ", ".join(f"{letter} {LETTERS[letter]}" for letter in known)
                    return f"has {letter!r} in {_place(i, j)}; write one of: {meanings}."
        return None

    def _missing_problem(self, rows: tuple[str, ...]) -> str | None:
        for letter in self.required:
            if not any(letter in row for row in rows):
                return f"has no {LETTERS[letter]}; write {letter!r} in at least one cell."
        return None


def _shape_problem(rows: tuple[str, ...]) -> str | None:
    if not rows or not all(isinstance(row, str) and row for row in rows):
        return f"must be the name of a layout or rows of text, as in {EXAMPLE}."
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            return (
                f"has rows of unequal length: row 1 has {len(rows[0])} characters, "
                f"row {i + 1} has {len(row)}."
            )
    return None


def _border_problem(rows: tuple[str, ...]) -> str | None:
    last_row, last_column = len(rows) - 1, len(rows[0]) - 1
    for i, row in enumerate(rows):
        for j, letter in enumerate(row):
            if letter != "#" and (i in (0, last_row) or j in (0, last_column)):
                return f"has an open border: {_place(i, j)} is {letter!r}; it must be '#'."
    return None


def _reach_problem(rows: tuple[str, ...]) -> str | None:
    """Return which marked cell cannot be reached from the first start."""
    maze = Maze(rows, 1.0)
    start_row, start_column = np.argwhere(maze.grid == "R")[0].tolist()
    reached = maze.distances_from((start_row, start_column))
    for i, j in np.argwhere(np.isin(maze.grid, list("RGB"))).tolist():
        if (i, j) not in reached:
            here, start = _place(i, j), _place(start_row, start_column)
            return f"has a {LETTERS[rows[i][j]]} in {here} with no way to the start in {start}."
    return None


def _place(i: int, j: int) -> str:
    return f"row {i + 1}, column {j + 1}"

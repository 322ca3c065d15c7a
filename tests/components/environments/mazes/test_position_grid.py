"""Places in a maze and the way between them."""

import numpy as np
import pytest

from components.environments.mazes.layouts import make_maze
from components.environments.mazes.maze import Maze
from components.environments.mazes.position_grid import cells_between, make_position_grid
from components.environments.tasks.ant_push import MAZE

U_MAZE = make_maze("u_maze")


def test_places_cover_the_free_cells_and_no_wall():
    grid = make_position_grid(U_MAZE, 2)
    assert grid.free.shape == (10, 10)
    assert grid.free.sum() == 4 * (U_MAZE.grid != "#").sum()
    np.testing.assert_allclose(grid.x[:4], [-1, 1, 3, 5])  # cells of 4 m, the first one's middle 0
    inside = np.rint(grid.free_positions() / 4).astype(int)
    assert (U_MAZE.grid[tuple(inside.T)] != "#").all()


def test_places_are_where_the_maze_is():
    """The start cell of this one is the origin, its second row and column."""
    grid = make_position_grid(MAZE, 1)
    np.testing.assert_allclose(grid.x, [-8, 0, 8, 16, 24])
    assert any((place == 0).all() for place in grid.free_positions())


@pytest.mark.parametrize(
    ("start", "end", "cells"),
    [
        ((4.0, 4.0), (4.0, 4.0), 0),
        ((4.0, 4.0), (12.0, 4.0), 6),  # around the wall
        ((4.9, 3.2), (5.5, 7.0), 1),  # from anywhere in a cell
        ((4.0, 4.0), (0.0, 0.0), None),  # into a wall
    ],
)
def test_the_way_around_the_walls(start, end, cells):
    assert cells_between(U_MAZE, np.array(start), np.array(end)) == cells


def test_no_way_leads_out_of_a_closed_room():
    rooms = Maze(("#####", "#R#G#", "#####"), 1.0)
    assert cells_between(rooms, np.array([1.0, 1.0]), np.array([1.0, 3.0])) is None

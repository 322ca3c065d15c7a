"""Layouts and geometry; nothing is compiled here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.walls import Rectangle, boxes_in_metres, merge_cells

GOALS = {
    "u_maze": 6,
    "u_maze_eval": 3,
    "u_maze_single_eval": 1,
    "u_maze_eval_1f2f3f4f5f": 5,
    "u_maze_eval_1f2f3f4f": 4,
    "u_maze_eval_1f2f3f": 3,
    "u_maze_eval_5f6f": 2,
    "u2_maze": 8,
    "u2_maze_eval": 4,
    "u3_maze": 10,
    "u3_maze_eval": 5,
    "u3_maze_single_eval": 1,
    "u4_maze": 10,
    "u4_maze_eval": 4,
    "u5_maze": 16,
    "u5_maze_eval": 8,
    "u5_maze_single_eval": 1,
    "u6_maze": 14,
    "u6_maze_eval": 7,
    "u7_maze": 12,
    "u7_maze_eval": 6,
    "big_maze": 25,
    "big_maze_eval": 9,
    "big_maze_eval_v2": 10,
    "hardest_maze": 45,
}


def test_every_layout_is_there_with_its_number_of_goals():
    found = {name: len(make_maze(name).cell_centres("G")) for name in LAYOUTS}
    assert found == GOALS


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_a_closed_rectangle_with_one_start(layout):
    grid = make_maze(layout).grid
    assert set(grid.ravel()) <= set("#RG.")
    border = np.concatenate([grid[0], grid[-1], grid[:, 0], grid[:, -1]])
    assert (border == "#").all()
    assert (grid == "R").sum() == 1


def flood(free: np.ndarray, start: tuple[int, int]) -> set[tuple[int, int]]:
    seen, todo = {start}, [start]
    while todo:
        i, j = todo.pop()
        for cell in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
            if free[cell] and cell not in seen:
                seen.add(cell)
                todo.append(cell)
    return seen


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_goal_can_be_reached_from_the_start(layout):
    grid = make_maze(layout).grid
    reached = flood(grid != "#", tuple(np.argwhere(grid == "R")[0]))
    assert {tuple(cell) for cell in np.argwhere(grid == "G")} <= reached


@pytest.mark.parametrize("suffix", ["", "_single", "_v2"])
def test_eval_layouts_have_the_walls_of_their_maze(suffix):
    for name in LAYOUTS:
        base, _, rest = name.partition(f"{suffix}_eval")
        if rest or base == name or base not in LAYOUTS:
            continue
        np.testing.assert_array_equal(make_maze(name).grid == "#", make_maze(base).grid == "#")


def test_rows_run_along_x_and_columns_along_y():
    u_maze = make_maze("u_maze")
    np.testing.assert_array_equal(u_maze.cell_centres("R"), [[4, 4]])
    np.testing.assert_array_equal(
        u_maze.cell_centres("G"), [[4, 8], [4, 12], [8, 12], [12, 4], [12, 8], [12, 12]]
    )
    np.testing.assert_array_equal(make_maze("u_maze", scale=2.0).cell_centres("R"), [[2, 2]])


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_merged_rectangles_cover_the_wall_cells_once_and_nothing_else(wall):
    covered = np.zeros(wall.shape, int)
    for top, left, bottom, right in merge_cells(wall):
        assert top < bottom
        assert left < right
        covered[top:bottom, left:right] += 1
    np.testing.assert_array_equal(covered, wall.astype(int))


@pytest.mark.parametrize(
    ("layout", "count"), [("u_maze", 5), ("big_maze", 13), ("hardest_maze", 17)]
)
def test_merging_leaves_few_boxes(layout, count):
    assert len(make_maze(layout).walls.centre) == count


@pytest.mark.parametrize(
    ("rows", "rectangles"),
    [
        # From the top left, 1 x 2 cells to the right or 3 x 1 down: the larger one is tall ...
        (("##", "#.", "#."), [(0, 0, 3, 1), (0, 1, 1, 2)]),
        # ... and here it is wide.
        (("###", "#.."), [(0, 0, 1, 3), (1, 0, 2, 1)]),
        # To the right and then down 2 x 2 = 4 cells, down and then to the right 3 x 1 = 3.
        (("##.", "##.", "#.."), [(0, 0, 2, 2), (2, 0, 3, 1)]),
    ],
)
def test_a_rectangle_grows_to_the_larger_side(rows, rectangles):
    wall = np.array([list(row) for row in rows]) == "#"
    assert merge_cells(wall) == [Rectangle(*rectangle) for rectangle in rectangles]


def test_boxes_are_in_metres_around_cell_centres():
    centre, half = boxes_in_metres(merge_cells(np.array([[True, True, False]])), 4.0)
    np.testing.assert_array_equal(centre, [[0, 2]])
    np.testing.assert_array_equal(half, [[2, 4]])

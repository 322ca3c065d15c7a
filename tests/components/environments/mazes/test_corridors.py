"""Ways through mazes and pairs along them; nothing is compiled here but the draw."""

from functools import partial

import jax
import numpy as np
import pytest

from components.constraints import SettingError
from components.environments.mazes.corridors import check_distances, corridor_path, sample_pair
from components.environments.mazes.layouts import make_maze
from components.environments.mazes.maze import Maze
from components.environments.tasks.ant import ant_maze_stitching
from components.environments.tasks.point import point_maze_stitching

CELLS = {"u_maze": 7, "u2_maze": 9, "u3_maze": 11, "u4_maze": 11, "u5_maze": 17}


@pytest.mark.parametrize(("layout", "cells"), CELLS.items())
def test_the_way_takes_every_free_cell_once_from_neighbour_to_neighbour(layout, cells):
    where = make_maze(layout)
    path = corridor_path(where)
    assert path.shape == (cells, 2)
    np.testing.assert_array_equal(path[0], where.cell_centres("R")[0])
    np.testing.assert_array_equal(np.abs(np.diff(path, axis=0)).sum(axis=1), 4.0)
    assert len(np.unique(path, axis=0)) == cells == (where.grid != "#").sum()


def test_the_way_through_the_u_maze():
    expected = 4 * np.array([[1, 1], [1, 2], [1, 3], [2, 3], [3, 3], [3, 2], [3, 1]])
    np.testing.assert_array_equal(corridor_path(make_maze("u_maze")), expected)


@pytest.mark.parametrize("middle", ["#R..#|#.#.#", "#.R.#"])
def test_a_branch_is_an_error(middle):
    with pytest.raises(ValueError, match="has 2 ways on"):
        corridor_path(Maze(("#####", *middle.split("|"), "#####"), 4.0))


def test_every_distance_is_equally_likely_and_so_is_every_start_of_it():
    path = corridor_path(make_maze("u_maze"))
    draw = jax.vmap(partial(sample_pair, path=path, distances=(1, 3, 6)))
    starts, goals = jax.jit(draw)(jax.random.split(jax.random.key(0), 12_000))
    index = {tuple(cell): k for k, cell in enumerate(path)}
    ends = zip(np.asarray(starts), np.asarray(goals), strict=True)
    pairs = [(index[tuple(start)], index[tuple(goal)]) for start, goal in ends]
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    expected = {(k, k + d): 4000 / (7 - d) for d in (1, 3, 6) for k in range(7 - d)}
    assert {tuple(pair) for pair in found.tolist()} == set(expected)
    for pair, count in zip(found.tolist(), counts, strict=True):
        # Six standard deviations of a Poisson count.
        assert abs(count - expected[tuple(pair)]) < 6 * np.sqrt(expected[tuple(pair)])


def test_the_longest_distance_ends_at_the_other_end():
    path = corridor_path(make_maze("u5_maze"))
    check_distances((16,), path)
    start, goal = sample_pair(jax.random.key(0), path, (16,))
    np.testing.assert_array_equal(start, path[0])
    np.testing.assert_array_equal(goal, make_maze("u5_maze_single_eval").cell_centres("G")[0])


@pytest.mark.parametrize("word", [ant_maze_stitching, point_maze_stitching])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distances": (1, 7)}, "farthest is 6"),
        ({"distances": ()}, "at least 1"),
        ({"distances": (0, 1)}, "at least 1"),
        ({"distances": (2, 2)}, "each once"),
        ({"layout": "big_maze"}, "'u_maze'"),
        ({"episode_length": 0}, "at least 1"),
    ],
)
def test_settings_are_checked(word, settings, message):
    with pytest.raises(SettingError, match=message):
        word(**settings)

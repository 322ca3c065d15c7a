"""Layouts written as rows of text: what is accepted, and what is said of the rest."""

import jax
import numpy as np
import pytest

from components.constraints import SettingError
from components.environments.mazes.corridors import corridor_path, make_corridor
from components.environments.mazes.layout_rules import MazeRows
from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.walls import count_walls_within
from components.environments.tasks.ant import ant_maze, ant_maze_stitching
from components.environments.tasks.ant_ball import ant_ball_maze
from components.environments.tasks.humanoid import humanoid_maze
from components.environments.tasks.point import point_maze, point_maze_stitching

ROWS = ["#####", "#R.G#", "#.#.#", "#G..#", "#####"]
PROBLEMS = {
    (): "must be the name of a layout or rows of text",
    ("",): "must be the name of a layout or rows of text",
    ("####", "#RG#", "###"): "unequal length: row 1 has 4 characters, row 3 has 3",
    ("####", "#RX#", "####"): "has 'X' in row 2, column 3; write one of: # wall, . free, R start, "
    "G goal",
    ("####", "#RB#", "####"): "has 'B' in row 2, column 3",
    ("####", "#RG.", "####"): "open border: row 2, column 4 is '.'; it must be '#'",
    ("#.##", "#RG#", "####"): "open border: row 1, column 2",
    ("####", "#.G#", "####"): "has no start; write 'R'",
    ("####", "#R.#", "####"): "has no goal; write 'G'",
    ("#####", "#R#G#", "#####"): "has a goal in row 2, column 4 with no way to the start in row 2, "
    "column 2",
    ("#####", "#RG##", "###R#", "#####"): "has a start in row 3, column 4 with no way",
}


@pytest.mark.parametrize(("rows", "problem"), PROBLEMS.items())
def test_what_is_wrong_with_rows_is_said_in_one_line(rows, problem):
    with pytest.raises(SettingError, match=r"^layout ") as caught:
        make_maze(rows)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_rows_of_a_shipped_layout_give_the_same_maze(name):
    rows = LAYOUTS[name].split()
    assert make_maze(rows) == make_maze(name)


def test_several_starts_are_allowed():
    maze = make_maze(["#####", "#RGR#", "#####"])
    np.testing.assert_array_equal(maze.cell_centres("R"), [[4, 4], [4, 12]])


def test_a_ball_maze_needs_a_ball_with_a_way_to_it():
    rules = MazeRows(required="RGB")
    assert rules.problem(["#####", "#RBG#", "#####"]) is None
    assert rules.problem(["#####", "#R.G#", "#####"]) == (
        "has no ball; write 'B' in at least one cell."
    )
    assert "has a ball in row 3, column 4 with" in str(
        rules.problem(["#####", "#RG##", "###B#", "#####"])
    )


def test_a_corridor_of_rows_runs_from_its_start_to_its_other_end():
    maze = make_corridor(["#####", "#...#", "###R#", "#####"])
    expected = [[8, 12], [4, 12], [4, 8], [4, 4]]
    np.testing.assert_array_equal(corridor_path(maze), expected)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (("#####", "#R..#", "##.##", "#####"), "is not a corridor: row 2, column 3 has 2 ways on"),
        (("#####", "#R.R#", "#####"), "has 2 starts; a corridor has one"),
        (("#####", "#...#", "#####"), "has no start"),
        (("#####", "#R#.#", "#####"), "is not a corridor: row 2, column 2 has 0 ways on"),
    ],
)
@pytest.mark.parametrize("word", [ant_maze_stitching, point_maze_stitching])
def test_stitching_refuses_rows_that_are_no_corridor(word, rows, problem):
    with pytest.raises(SettingError, match=r"^layout ") as caught:
        word(layout=rows, distances=(1,))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("word", "rows", "cell"),
    [
        (point_maze, ROWS, 4),
        (ant_maze, ROWS, 4),
        (humanoid_maze, ROWS, 2),
        (ant_ball_maze, ["######", "#R..##", "##BG##", "######"], 4),
        (point_maze_stitching, ["######", "#R.G.#", "######"], 4),
        (ant_maze_stitching, ["######", "#R.G.#", "######"], 4),
    ],
)
def test_every_maze_word_starts_and_ends_where_the_rows_say(word, rows, cell):
    env = word(layout=rows)
    drawn = jax.vmap(env.task.sample_start)(jax.random.split(jax.random.key(0), 64))
    assert env.task.maze.rows == tuple(rows)
    starts = np.rint(np.asarray(drawn.qpos[:, :2]) / cell).astype(int)
    goals = np.rint(np.asarray(drawn.goal[:, :2]) / cell).astype(int)
    if word in (point_maze_stitching, ant_maze_stitching):
        assert {rows[i][j] for i, j in goals} == {".", "G"}
        return
    assert {rows[i][j] for i, j in starts} == {"R"}
    assert {rows[i][j] for i, j in goals} == {"G"}
    assert len(np.unique(goals, axis=0)) == "".join(rows).count("G")


def test_the_humanoid_meets_every_wall_within_its_reach():
    """In this layout four pieces of wall come within 1.4 m of one point."""
    rows = ["######", "#RG..#", "#.#..#", "#..#.#", "###.##", "######"]
    assert count_walls_within(make_maze(rows, 2.0).walls, 1.4) == 4
    model = humanoid_maze(layout=rows).task.physics.model
    assert sum(model.geom(i).name.startswith("wall_") for i in range(model.ngeom)) == 4

"""Maze layouts written as rows of text in a gin file."""

import numpy as np
import pytest

import dsl.vocabulary  # noqa: F401 - registers the words
from dsl.cli.run import main
from dsl.language.configuration import ConfigError, load
from dsl.training.build import build

ROWS = """
env.PointMaze.layout = [
    '#######',
    '#R.#G.#',
    '#.....#',
    '#######',
]
"""
LAYOUT = ["#######", "#R.#G.#", "#.....#", "#######"]


@pytest.fixture
def write(tmp_path):
    def file(text, name="mine.gin"):
        parts = ("loop", "contrastive", "point_maze")
        includes = "".join(f"include 'base/{part}.gin'\n" for part in parts)
        path = tmp_path / name
        path.write_text(includes + text)
        return path

    return file


def test_rows_of_text_are_the_maze(write):
    experiment = build(load(write(ROWS)))
    maze = experiment.environment.task.maze
    assert maze.rows == tuple(LAYOUT)
    np.testing.assert_array_equal(maze.cell_centres("G"), [[4, 16]])


def test_the_operative_file_gives_the_rows_again(write, tmp_path):
    text = load(write(ROWS)).operative_text()
    again = tmp_path / "operative.gin"
    again.write_text(text)
    assert load(again).operative_text() == text
    assert build(load(again)).environment.task.maze.rows == tuple(LAYOUT)


def test_check_accepts_rows_and_refuses_bad_ones(write, capsys):
    assert main([str(write(ROWS)), "--check"]) == 0
    assert main([str(write(ROWS.replace("#G.#", "#.X#"), "bad.gin")), "--check"]) == 2
    error = capsys.readouterr().err
    assert "bad.gin:5: env.PointMaze.layout has 'X' in row 2, column 6" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("['###', '#R#', '###']", "has no goal; write 'G'"),
        ("['#####', '#R#G#', '#####']", "with no way to the start"),
        ("['####', '#RG', '####']", "unequal length"),
        ("'u_mase'", "Did you mean 'u_maze'"),
        ("[1, 2]", "it must be text in quotes or a list (each item text in quotes)"),
    ],
)
def test_bad_layouts_are_refused_where_they_stand(write, value, problem):
    with pytest.raises(ConfigError) as caught:
        load(write(f"env.PointMaze.layout = {value}\n"))
    (found,) = caught.value.problems
    assert problem in str(found)
    assert "mine.gin:4" in str(found)


def test_a_layout_can_be_a_capital_shared_by_training_and_evaluation(write):
    text = """
MAZE = ['#####', '#R.G#', '#####']
env.PointMaze.layout = %MAZE
"""
    experiment = build(load(write(text), ["MAZE=['######', '#RG.G#', '######']"]))
    assert experiment.environment.task.maze.rows[1] == "#RG.G#"

"""Grids of sweeps with macros in them."""

import pytest

from dsl.language.configuration import load

GRID = "sweep.grid = {'SEED': [%s]}\n"


def grid_of(problems, text):
    assert problems(text) == []
    return load("x.gin").grid


def test_macros_in_a_grid_are_replaced(problems):
    text = "FEW = 5\nMANY = %FEW\n" + GRID % "%MANY, 7"
    assert grid_of(problems, text) == {("SEED",): [("5",), ("7",)]}


def test_macros_that_vary_are_left_to_each_run(problems):
    text = "TWICE = %SEED\nsweep.grid = {'SEED': [1, 2], 'WIDTH': [%TWICE, 9]}\n"
    assert grid_of(problems, text)[("WIDTH",)] == [("%TWICE",), ("9",)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRID % "%FEW, 3", "macro '%FEW' is used but never defined."),
        ("FEW = 3\n" + GRID % "%FEW, 3", "sweep.grid gives 'SEED' the value 3 twice."),
        (GRID % "1, 0x1", "sweep.grid gives 'SEED' the value 1 twice."),
        (GRID % "1, 1.0", "sweep.grid gives 'SEED' the value 1 twice, the second time as 1.0."),
        ("sweep.grid = {('SEED', 'WIDTH'): [(1, 2), [1, 2.0]]}\n", "sweep.grid gives ('SEED'"),
        ("A = %B\nB = %A\n" + GRID % "%A, 3", "A is defined by itself: A -> B -> A."),
    ],
)
def test_wrong_values_of_a_grid(problems, text, said):
    (problem,) = problems(text)
    assert said in problem


def test_true_is_not_one(problems):
    assert len(grid_of(problems, "sweep.grid = {'network.Network.normalise': [1, True]}\n")) == 1


def test_a_grid_is_written_once_in_a_file(problems):
    assert problems(GRID % "0" + GRID % "1") == ["x.gin:3: sweep.grid is already set at x.gin:2."]

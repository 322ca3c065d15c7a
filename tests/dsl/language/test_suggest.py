"""Suggestions for misspelt names."""

import pytest

from dsl.language.problems import nearest, similar_scope

WORDS = ["energy.NegativeL2", "energy.Dot", "network.ResidualMLP", "critic/network.ResidualMLP"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("energy.NegativL2", "energy.NegativeL2"),
        ("netwrk.ResidualMLP", "network.ResidualMLP"),
        ("energy.dot", "energy.Dot"),
        ("Dott", "energy.Dot"),
    ],
)
def test_a_slip_of_the_pen_is_recognised(name, found):
    assert nearest(name, WORDS) == found


@pytest.mark.parametrize("name", ["energy.Cosine", "batch", "L2", "Docking"])
def test_names_that_only_share_letters_are_no_suggestion(name):
    assert nearest(name, [*WORDS, "depth", "gamma", "activation"]) is None


@pytest.mark.parametrize("likeness", [nearest, similar_scope])
@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("depxy", "depth", "depth"),  # 3 of 5 letters in common: just alike enough
        ("netwxyz", "network", None),  # 4 of 7
    ],
)
def test_six_of_ten_letters_make_a_suggestion(likeness, name, known, found):
    assert likeness(name, [known]) == found

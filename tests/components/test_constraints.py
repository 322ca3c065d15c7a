"""Constraints of settings, checked by constructors."""

from typing import Annotated

import pytest

from components.constraints import AtLeast, MoreThan, OneOf, PositiveInt, SettingError, check


def make(
    count: PositiveInt = 1,
    limit: Annotated[float, MoreThan(0)] | None = None,
    layout: Annotated[str, OneOf(("u", "big"))] | Annotated[int, AtLeast(3)] = "u",
    either: str | PositiveInt | None = None,
):
    """Make nothing."""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"count": 2},
        {"limit": None},
        {"limit": 2},
        {"layout": "big"},
        {"layout": 4},
        {"either": None},
        {"either": "x"},
        {"either": 1},
    ],
)
def test_values_within_a_constraint(settings):
    check(make, **settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"count": 0}, "count is 0; it must be at least 1."),
        ({"limit": -1.0}, "limit is -1.0; it must be more than 0."),
        ({"limit": 0}, "limit is 0; it must be more than 0."),
        ({"layout": "bg"}, "layout is 'bg'; it must be one of 'u', 'big'."),
        ({"layout": 2}, "layout is 2; it must be at least 3."),
        ({"either": 0}, "either is 0; it must be at least 1."),
    ],
)
def test_values_outside_of_it(settings, problem):
    with pytest.raises(SettingError) as found:
        check(make, **settings)
    assert str(found.value) == problem

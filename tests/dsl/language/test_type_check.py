"""Annotations against values, beyond what the texts of problems show."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NewType, Protocol

import jax
import optax
import pytest
from toy_vocabulary import Critic, Network

from components.constraints import AtLeast, AtMost, Between, OneOf
from dsl.language.registry import Partial
from dsl.language.type_advice import describe
from dsl.language.type_check import mismatch
from dsl.language.values import MacroRef, Reference

Width = NewType("Width", int)
# A maze by its name, or as rows of text.
LAYOUT = Literal["u_maze", "big_maze"] | tuple[str, ...] | list[str]
AtLeastOne = Annotated[int, AtLeast(1)]


class Promise(Protocol):
    """Anything with a method."""

    def method(self): ...


DOT, NETWORK, MAZE = (Reference(n) for n in ("energy.Dot", "network.Network", "env.Maze"))
ADAM = Reference("optimiser.adam")
RELU = MacroRef("activation.relu")

RIGHT = [
    (1, int),
    (1, float),
    (1.5, float),
    (True, bool),
    ("a", str),
    (None, int | None),
    (3, Any),
    ([1], Any),
    (3, "Undefined"),
    (3, Width),
    (2, Literal[1, 2]),
    ((1, 2), tuple[int, ...]),
    ((1, "a"), tuple[int, str]),
    ((), tuple[int, ...]),
    ([1], list[int]),
    ([1], Sequence[int]),
    ((1,), Sequence[int]),
    ({"a": 1}, dict[str, int]),
    (RELU, Callable),
    (NETWORK, Callable[..., Any]),
    (NETWORK, Partial),
    (NETWORK, Callable[..., Network]),
    (NETWORK, Callable[..., Network] | None),
    (DOT, Promise),
    (ADAM, optax.GradientTransformation),
    (0.1, optax.ScalarOrSchedule),
    (1, AtLeastOne | None),
    (None, AtLeastOne | None),
    ((1, 2), tuple[AtLeastOne, ...]),
    ("a", Annotated[str, OneOf(("a", "b"))]),
    (MAZE, "Undefined"),
    ("u_maze", LAYOUT),
    (("####", "#RG#", "####"), LAYOUT),
    (["####", "#RG#", "####"], LAYOUT),
    (DOT, jax.Array | Any),
]

WRONG = [
    (True, int, "is True; it must be a whole number."),
    (1, bool, "is 1; it must be True or False. Write True."),
    (True, float, "is True; it must be a number."),
    (
        "u_mze",
        LAYOUT,
        "is 'u_mze'; it must be one of 'u_maze', 'big_maze', a tuple (each item text in quotes) or "
        "a list (each item text in quotes). Did you mean 'u_maze'?",
    ),
    (
        ("#", 3),
        LAYOUT,
        "is ('#', 3); it must be one of 'u_maze', 'big_maze', a tuple (each item "
        "text in quotes) or a list (each item text in quotes).",
    ),
    (1.0, int | None, "is 1.0; it must be a whole number or None. Write 1."),
    (
        "None",
        int | None,
        "is 'None'; it must be a whole number or None. Write None, without quotes.",
    ),
    (True, Literal[1, 2], "is True; it must be one of 1, 2."),
    ((1, "a"), tuple[int, ...], "is (1, 'a'); it must be a tuple (each item a whole number)."),
    (
        (1,),
        tuple[int, str],
        "is (1,); it must be a tuple of 2 items (a whole number, text in quotes).",
    ),
    (3, list[int], "is 3; it must be a list (each item a whole number)."),
    ({"a": "b"}, dict[str, int], "is {'a': 'b'}; it must be a dict (values: a whole number)."),
    (0, AtLeastOne | None, "is 0; it must be at least 1."),
    ((1, 0), tuple[AtLeastOne, ...], "is (1, 0); its item 2 is 0; it must be at least 1."),
    (2**31, int, "is 2_147_483_648; it must be 2_147_483_647 at most."),
    (-(2**31), int, "is -2_147_483_648; it must be -2_147_483_647 at least."),
    (
        2**32,
        Annotated[int, AtMost(2**32 - 1)],
        "is 4_294_967_296; it must be 4_294_967_295 at most.",
    ),
    (7, Annotated[int, AtMost(5)], "is 7; it must be at most 5."),
    (
        2**63,
        float,
        "is 9_223_372_036_854_775_808, too much for a whole number. Write 9.223372036854776e+18.",
    ),
    ("c", Annotated[str, OneOf(("ab", "b"))], "is 'c'; it must be one of 'ab', 'b'."),
    (3, Annotated[int, OneOf((4, 2))], "is 3; it must be one of 4, 2."),
    (True, Annotated[int, OneOf((1, 2))], "is True; it must be a whole number."),
    (
        1.0,
        Annotated[float, Between(0, 1, open=True)],
        "is 1.0; it must lie between 0 and 1, both excluded.",
    ),
    (RELU, int, "is %activation.relu; it must be a whole number."),
    (DOT, Callable, "is @energy.Dot(); it must be a word or function."),
    (
        NETWORK,
        tuple[int, ...],
        "is @network.Network(); it must be a tuple (each item a whole number).",
    ),
    (
        NETWORK,
        Callable[..., Critic] | None,
        "is @network.Network(); it must be a word that makes a Critic or None. "
        "Write @critic.Critic().",
    ),
    (3, Promise, "is 3; it must be a Promise."),
    (float("inf"), Any, "is 1e999; the largest float on a device is 3.4028235e+38."),
    (-1e39, float, "is -1e+39; the largest float on a device is 3.4028235e+38."),
    (
        (0.5, 1e300),
        tuple[float, ...],
        "is (0.5, 1e+300); the largest float on a device is 3.4028235e+38.",
    ),
    (
        1j,
        optax.ScalarOrSchedule,
        "is 1j; it must be a number or a word or function, not a complex number.",
    ),
    (DOT, Partial, "is @energy.Dot(); it must be a Partial."),
]


@pytest.mark.parametrize(("value", "hint"), RIGHT)
def test_right_values(toy, value, hint):
    assert mismatch(value, hint, toy) is None


@pytest.mark.parametrize(("value", "hint", "said"), WRONG)
def test_wrong_values(toy, value, hint, said):
    assert mismatch(value, hint, toy) == said


def test_a_partial_is_not_the_object_itself(toy):
    target = toy.words["network.Network"].target
    assert mismatch(NETWORK, target, toy) == "is @network.Network(); it must be a Network."


def test_arrays_are_left_out_where_a_number_will_do():
    assert describe(optax.ScalarOrSchedule) == "a number or a word or function"
    assert describe(jax.typing.ArrayLike) == "a number"

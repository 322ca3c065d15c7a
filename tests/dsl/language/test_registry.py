"""What may become a word."""

import functools
import pickle

import optax
import pytest

from dsl.language import registry
from dsl.language.registry import Partial, WordError, constants, family, root


def takes_anything(**settings):
    """Swallows everything."""


def takes_more(*settings):
    """Swallows everything."""


def undocumented(width: int = 3):
    pass


def untyped(width=3):
    """Has no types."""


def unexplained(width: int):
    """Has a choice without default."""


def explained(width: int):
    """Has a choice without default.

    Args:
        width: how wide.
    """


def by_position(width: int = 3, /):
    """Takes what has no name."""


def sized(width: int = 3, *, normalise: bool = True, in_size: int, key):
    """Has two choices and two facts."""
    return width, normalise, in_size, key


@pytest.fixture(autouse=True)
def empty():
    with registry.isolated() as vocabulary:
        yield vocabulary


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (takes_anything, "x.takes_anything takes **settings, which would swallow misspelt"),
        (takes_more, "x.takes_more takes *settings, which would swallow misspelt settings"),
        (undocumented, "x.undocumented needs a docstring"),
        (untyped, "x.untyped needs a type for 'width'"),
        (unexplained, "x.unexplained needs a default for 'width'"),
        (by_position, "x.by_position takes 'width' by position only"),
    ],
)
def test_what_cannot_be_a_word(thing, said):
    with pytest.raises(WordError) as found:
        family("x", thing)
    assert str(found.value).startswith(said)


def test_a_value_is_no_word_and_a_nameless_thing_needs_a_name(empty):
    with pytest.raises(WordError, match="cannot be called"):
        family("x", three=3)
    with pytest.raises(WordError, match="has no name of its own"):
        family("x", functools.partial(sized))
    family("x", named=sized)
    assert list(empty.words) == ["x.named"]


def test_choices_are_settings_and_the_rest_are_facts(empty):
    family("x", sized, explained)
    word = empty.words["x.sized"]
    assert list(word.settings) == ["width", "normalise"]
    assert word.facts == ("in_size", "key")
    assert word.defaults == {"width": 3, "normalise": True}
    assert empty.words["x.explained"].settings["width"].is_required


def test_functions_of_other_libraries_are_words_as_they_are(empty):
    family("optimiser", optax.adam)
    assert list(empty.words["optimiser.adam"].settings)[:3] == ["learning_rate", "b1", "b2"]


def test_names_are_taken_once():
    family("x", sized)
    with pytest.raises(WordError, match=r"x\.sized is registered already"):
        family("x", sized=explained)
    with pytest.raises(WordError, match=r"x\.sized is registered already"):
        constants("x", sized=3)
    with pytest.raises(WordError, match="cannot be the name of a family"):
        family("gin", sized)


def test_the_same_thing_made_anew_replaces_itself(empty):
    def make():
        def local(width: int = 3):
            """Doc."""

        return local

    old, new = make(), make()
    family("x", old)
    family("x", new)
    assert empty.words["x.local"].thing is new


def test_the_root_is_one_and_has_no_facts():
    root(explained)
    with pytest.raises(WordError, match="explained is the root already"):
        root(undocumented_but_named)
    with pytest.raises(WordError, match="nobody could give it in_size, key"):
        root(sized)


def undocumented_but_named(width: int = 3):
    """Another root."""


def test_isolation_gives_everything_back():
    family("x", sized)
    with registry.isolated() as inner:
        assert inner.words == {}
        family("x", sized=explained)
    assert registry.vocabulary().words["x.sized"].thing is sized


def test_a_plan_is_completed_with_facts_and_pickles():
    plan = Partial("x.sized", "critic", sized, {"width": 5, "normalise": False})
    assert plan(in_size=2, key="k") == (5, False, 2, "k")
    copy = pickle.loads(pickle.dumps(plan))
    assert copy == plan
    assert hash(copy) == hash(plan)
    assert copy(in_size=2, key="k") == (5, False, 2, "k")
    assert plan != Partial("x.sized", "critic", sized, {"width": 6, "normalise": False})
    assert repr(plan) == "<plan critic/x.sized(width=5, normalise=False)>"


def test_a_plan_refuses_choices_for_facts():
    plan = Partial("x.sized", "", sized, {"width": 5, "normalise": False})
    with pytest.raises(TypeError, match="width"):
        plan(width=3, in_size=2, key="k")

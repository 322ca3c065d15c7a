"""What may become a word."""

import functools
import pickle

import jax
import optax
import pytest

from dsl.language import registry
from dsl.language.registry import Partial, Vocabulary, WordError


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


@pytest.fixture
def empty():
    return Vocabulary()


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
def test_what_cannot_be_a_word(empty, thing, said):
    with pytest.raises(WordError) as found:
        empty.add_family("x", thing)
    assert str(found.value).startswith(said)


def test_a_value_is_no_word_and_a_nameless_thing_needs_a_name(empty):
    with pytest.raises(WordError, match="cannot be called"):
        empty.add_family("x", three=3)
    with pytest.raises(WordError, match="has no name of its own"):
        empty.add_family("x", functools.partial(sized))
    empty.add_family("x", named=sized)
    assert list(empty.words) == ["x.named"]


def test_settings_come_before_the_star_and_runtime_arguments_after_it(empty):
    empty.add_family("x", sized, explained)
    word = empty.words["x.sized"]
    assert list(word.settings) == ["width", "normalise"]
    assert word.runtime_arguments == ("in_size", "key")
    assert word.defaults == {"width": 3, "normalise": True}
    assert empty.words["x.explained"].settings["width"].is_required


def test_functions_of_other_libraries_are_words_as_they_are(empty):
    empty.add_family("optimiser", optax.adam)
    assert list(empty.words["optimiser.adam"].settings)[:3] == ["learning_rate", "b1", "b2"]


def test_types_of_a_library_that_nobody_can_mend_here_are_taken_as_they_are(empty):
    # `mask` of optax names a type of chex that Python cannot resolve.
    empty.add_family("optimiser", optax.adamw)
    settings = empty.words["optimiser.adamw"].settings
    assert settings["b1"].annotation == jax.typing.ArrayLike
    assert "ArrayTree" in repr(settings["mask"].annotation)


def test_names_are_taken_once(empty):
    empty.add_family("x", sized)
    with pytest.raises(WordError, match=r"x\.sized is registered already"):
        empty.add_family("x", sized=explained)
    with pytest.raises(WordError, match=r"x\.sized is registered already"):
        empty.add_constants("x", sized=3)
    with pytest.raises(WordError, match="cannot be the name of a family"):
        empty.add_family("gin", sized)


def test_the_same_thing_made_anew_replaces_itself(empty):
    def make():
        def local(width: int = 3):
            """Doc."""

        return local

    old, new = make(), make()
    empty.add_family("x", old)
    empty.add_family("x", new)
    assert empty.words["x.local"].target is new


def test_the_root_is_one_and_has_no_runtime_arguments(empty):
    empty.add_root(explained)
    with pytest.raises(WordError, match="explained is the root already"):
        empty.add_root(undocumented_but_named)
    with pytest.raises(WordError, match="nothing could give it in_size, key"):
        empty.add_root(sized)


def undocumented_but_named(width: int = 3):
    """Another root."""


def test_the_default_vocabulary_fills_itself():
    assert registry.default_vocabulary().root == "Experiment"
    assert "loss.InfoNCE" in registry.default_vocabulary().words


def test_a_partial_is_completed_with_runtime_arguments_and_pickles():
    partial = Partial("x.sized", "critic", sized, {"width": 5, "normalise": False})
    assert partial(in_size=2, key="k") == (5, False, 2, "k")
    copy = pickle.loads(pickle.dumps(partial))
    assert copy == partial
    assert hash(copy) == hash(partial)
    assert copy(in_size=2, key="k") == (5, False, 2, "k")
    assert partial != Partial("x.sized", "critic", sized, {"width": 6, "normalise": False})
    assert repr(partial) == "<Partial critic/x.sized(width=5, normalise=False)>"


def test_a_partial_refuses_settings_among_runtime_arguments():
    partial = Partial("x.sized", "", sized, {"width": 5, "normalise": False})
    with pytest.raises(TypeError, match="width"):
        partial(width=3, in_size=2, key="k")

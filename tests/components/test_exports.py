"""The words of gin files are importable from the packages themselves."""

import ast
import re
from pathlib import Path

import pytest

import components
import components.environments
from dsl.language.registry import default_vocabulary

PACKAGES = components, components.environments
EXPORTS = [(package, name) for package in PACKAGES for name in package.__all__]
WORDS = {
    name: word.target
    for name, word in default_vocabulary().words.items()
    if not word.target.__module__.startswith("dsl.")
}


@pytest.mark.parametrize(("package", "name"), EXPORTS, ids=[name for _, name in EXPORTS])
def test_every_export_is_a_word(package, name):
    assert getattr(package, name) in WORDS.values()


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_an_export(word):
    """A word of the vocabulary has an import and an entry in `__all__` in the package's stub."""
    of_tasks = word.startswith(("env.", "physics."))
    package = components.environments if of_tasks else components
    path = Path(package.__file__).with_suffix(".pyi")
    (listed,) = re.findall(r"__all__ = (\[.*?\])", path.read_text(), re.DOTALL)
    exports = [name for name in package.__all__ if getattr(package, name) == WORDS[word]]
    assert set(exports) & set(ast.literal_eval(listed)), f"add {word} to {path}"


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match="components attribute ActorCritics"):
        _ = components.ActorCritics
    with pytest.raises(ImportError, match="ant_labyrinth"):
        from components.environments import ant_labyrinth  # noqa: F401

"""A toy language in a folder of its own."""

import sys
from pathlib import Path

import pytest
from toy_vocabulary import GOOD, toy_vocabulary
from vocabularies import as_default

from dsl.language.configuration import ConfigError, load
from dsl.language.registry import Vocabulary

TOY = toy_vocabulary()


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The toy vocabulary alone, in an empty working directory that holds good.gin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("good.gin").write_text(GOOD)
    fresh = Vocabulary(dict(TOY.words), dict(TOY.constants), TOY.root)
    with as_default(fresh) as vocabulary:
        yield vocabulary
    for name in [name for name in sys.modules if name.startswith("words_of_")]:
        del sys.modules[name]


@pytest.fixture
def problems(toy):  # noqa: ARG001
    """A function from the lines after `include 'good.gin'` to the problems of the file."""

    def find(text, *overrides, base=True):
        Path("x.gin").write_text(f"include 'good.gin'\n{text}" if base else text)
        try:
            load("x.gin", overrides).build()
        except ConfigError as error:
            return error.problems
        return []

    return find

"""A vocabulary of a test in the place of the default one."""

import contextlib
from collections.abc import Iterator
from unittest import mock

import dsl.vocabulary  # noqa: F401 - fills the default vocabulary, which is then set aside
from dsl.language import registry
from dsl.language.registry import Vocabulary


@contextlib.contextmanager
def as_default(vocabulary: Vocabulary) -> Iterator[Vocabulary]:
    """Make `vocabulary` the one that `family` extends and that `load` uses by default."""
    with mock.patch.object(registry, "_default", vocabulary):
        yield vocabulary


def copy_of_default() -> Vocabulary:
    """Return a vocabulary with every word of the language, to add words to."""
    known = registry.default_vocabulary()
    return Vocabulary(
        dict(known.words),
        dict(known.constants),
        known.root,
        dict(known.renamed_words),
        dict(known.renamed_settings),
    )

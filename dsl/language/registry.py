"""Where things become words of the language; users' own modules call `family` too.

    from dsl import family

    family("energy", HuberEnergy)    # a gin file may now write @energy.HuberEnergy()

Of a word's parameters, those before the `*` (or with a default) are choices, which gin files set;
those after it are facts, which the program works out and gin files cannot touch.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dsl.language import gin_door
from dsl.language.factory import factory
from dsl.language.plan import Partial, PartialError
from dsl.language.word import Setting, Word, WordError, read_word

__all__ = [
    "Partial",
    "PartialError",
    "Setting",
    "Vocabulary",
    "Word",
    "WordError",
    "constants",
    "family",
    "isolated",
    "renamed_settings",
    "root",
    "vocabulary",
]

_RESERVED = ("gin", "root")


@dataclass
class Vocabulary:
    """Everything that a gin file may name.

    Attributes:
        words: by full name, in the order of registration, the root included.
        constants: values by full name.
        root: name of the word that a gin file describes.
        renamed: current names of settings by their old name, by the full name of the word.
    """

    words: dict[str, Word] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    root: str | None = None
    renamed: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def families(self) -> list[str]:
        """Names before the dot, in the order of registration."""
        names = [*(w.family for w in self.words.values()), *map(_family_of, self.constants)]
        return list(dict.fromkeys(name for name in names if name))

    def members(self, family: str) -> list[str]:
        """Full names of the words and constants of a family."""
        return [n for n in [*self.words, *self.constants] if _family_of(n) == family]


_vocabulary = Vocabulary()


def vocabulary() -> Vocabulary:
    """The words known at this moment."""
    return _vocabulary


def family(name: str, /, *things: Any, **named_things: Any) -> None:
    """Make things words of the family `name`, under their own names or the given ones.

    Registering the same class or function again replaces it, as notebooks need.

    Raises:
        WordError: a name is taken, or a thing lacks what a word must have.
    """
    _check_family(name)
    for thing in things:
        _add(read_word(f"{name}.{_own_name(thing)}", thing))
    for short_name, thing in named_things.items():
        _add(read_word(f"{name}.{short_name}", thing))


def constants(name: str, /, **values: Any) -> None:
    """Make values constants of the family `name`: `%name.key` in a gin file.

    Raises:
        WordError: a name is taken by a word or by another value.
    """
    _check_family(name)
    for key, value in values.items():
        full_name = f"{name}.{key}"
        if full_name in _vocabulary.words or (
            full_name in _vocabulary.constants and _vocabulary.constants[full_name] is not value
        ):
            raise WordError(f"{full_name} is registered already; choose another name.")
        _vocabulary.constants[full_name] = value
        gin_door.constant(full_name, value)


def root(thing: Any) -> None:
    """Make `thing` the one word without a family, which a gin file describes.

    Raises:
        WordError: there is another root, or the thing has facts.
    """
    word = read_word(_own_name(thing), thing)
    if word.facts:
        raise WordError(f"{word.name} is the root; nobody could give it {', '.join(word.facts)}.")
    if _vocabulary.root not in (None, word.name):
        raise WordError(f"{_vocabulary.root} is the root already.")
    _add(word)
    _vocabulary.root = word.name


def renamed_settings(word: str, /, **new_names: str) -> None:
    """Let gin files use the old names of settings for one more release.

        renamed_settings("learner.ActorCritic", actor_every="policy_delay")

    Args:
        word: full name of a registered word; the root's own name for its settings.
        new_names: the current name of a setting, by its old name.

    Raises:
        WordError: the word is unknown, lacks the new name, or still has the old one.
    """
    if word not in _vocabulary.words:
        raise WordError(f"{word} is not registered; register it before renaming its settings.")
    settings = _vocabulary.words[word].settings
    for old, new in new_names.items():
        if new not in settings:
            raise WordError(f"{word} has no setting {new!r} that {old!r} could be called now.")
        if old in settings:
            raise WordError(f"{word} still has the setting {old!r}.")
        _vocabulary.renamed.setdefault(word, {})[old] = new


@contextlib.contextmanager
def isolated() -> Iterator[Vocabulary]:
    """An empty vocabulary for the time of a `with` block; the old one comes back after it."""
    global _vocabulary
    saved, _vocabulary = _vocabulary, Vocabulary()
    try:
        with gin_door.empty_registry():
            yield _vocabulary
    finally:
        _vocabulary = saved


def _add(word: Word) -> None:
    old = _vocabulary.words.get(word.name)
    taken = old is not None and not _is_same(old.thing, word.thing)
    if taken or word.name in _vocabulary.constants:
        raise WordError(f"{word.name} is registered already; choose another name.")
    _vocabulary.words[word.name] = word
    gin_door.register(factory(word), *word.selector.rsplit(".", 1))


def _is_same(old: Any, new: Any) -> bool:
    def origin(thing):
        return getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)

    return old is new or (origin(old) == origin(new) and None not in origin(new))


def _check_family(name: str) -> None:
    if not name.isidentifier() or name in _RESERVED:
        raise WordError(f"{name!r} cannot be the name of a family.")


def _own_name(thing: Any) -> str:
    name = getattr(thing, "__name__", "")
    if not name.isidentifier():
        raise WordError(f"{thing!r} has no name of its own; write name=thing.")
    return name


def _family_of(name: str) -> str:
    return name.rpartition(".")[0]

"""The vocabulary of gin files; users' own modules extend it with `family`.

    from dsl import family

    family("energy", HuberEnergy)    # a gin file may now write @energy.HuberEnergy()

Of a word's parameters, those before the `*` (or with a default) are settings, which gin files set;
those after it are runtime arguments, which the program works out and gin files cannot touch.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl.language.word import Partial, PartialError, Setting, Word, WordError, read_word

__all__ = [
    "Partial",
    "PartialError",
    "Setting",
    "Vocabulary",
    "Word",
    "WordError",
    "constants",
    "default_vocabulary",
    "family",
    "renamed_settings",
    "renamed_words",
    "root",
]

_RESERVED = ("gin", "root")


@dataclass
class Vocabulary:
    """Everything that a gin file may name.

    Attributes:
        words: by full name, in the order of registration, the root included.
        constants: values by full name.
        root: name of the word that a gin file describes.
        renamed_words: the current full name of a word by its old one.
        renamed_settings: for each word, the current name of a setting by its old one.
    """

    words: dict[str, Word] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    root: str | None = None
    renamed_words: dict[str, str] = field(default_factory=dict)
    renamed_settings: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def root_word(self) -> Word:
        """Return the word that a gin file describes.

        Raises:
            WordError: there is none.
        """
        if self.root is None:
            raise WordError("this vocabulary has no root; add it with add_root().")
        return self.words[self.root]

    @property
    def families(self) -> list[str]:
        """Return the names before the dot, in the order of registration."""
        names = [*(w.family for w in self.words.values()), *map(_family_of, self.constants)]
        return list(dict.fromkeys(name for name in names if name))

    def members(self, family: str) -> list[str]:
        """Return the full names of the words and constants of a family."""
        return [n for n in [*self.words, *self.constants] if _family_of(n) == family]

    def add_family(self, name: str, /, *targets: Any, **named_targets: Any) -> None:
        """Make classes and functions words of the family `name`, under their own or given names.

        Registering the same class or function again replaces it, as notebooks need.

        Raises:
            WordError: a name is taken, or a target lacks what a word must have.
        """
        _check_family(name)
        for target in targets:
            self._add(read_word(f"{name}.{_own_name(target)}", target))
        for short_name, target in named_targets.items():
            self._add(read_word(f"{name}.{short_name}", target))

    def add_constants(self, name: str, /, **values: Any) -> None:
        """Make values constants of the family `name`: `%name.key` in a gin file.

        Raises:
            WordError: a name is taken by a word or by another value.
        """
        _check_family(name)
        for key, value in values.items():
            full_name = f"{name}.{key}"
            taken = self.constants.get(full_name, value) is not value
            if taken or full_name in self.words:
                raise WordError(f"{full_name} is registered already; choose another name.")
            self.constants[full_name] = value

    def add_root(self, target: Any) -> None:
        """Make `target` the one word without a family, which a gin file describes.

        Raises:
            WordError: there is another root, or the target has runtime arguments.
        """
        word = read_word(_own_name(target), target)
        if word.runtime_arguments:
            missing = ", ".join(word.runtime_arguments)
            raise WordError(f"{word.name} is the root; nothing could give it {missing}.")
        if self.root not in (None, word.name):
            raise WordError(f"{self.root} is the root already.")
        self._add(word)
        self.root = word.name

    def rename_settings(self, word: str, /, **new_names: str) -> None:
        """Let gin files use the old names of settings for one more release.

        Args:
            word: full name of a registered word; the root's own name for its settings.
            new_names: the current name of a setting, by its old name.

        Raises:
            WordError: the word is unknown, lacks the new name, or still has the old one.
        """
        if word not in self.words:
            raise WordError(f"{word} is not registered; register it before renaming its settings.")
        settings = self.words[word].settings
        for old, new in new_names.items():
            if new not in settings:
                raise WordError(f"{word} has no setting {new!r} that {old!r} could be called now.")
            if old in settings:
                raise WordError(f"{word} still has the setting {old!r}.")
            self.renamed_settings.setdefault(word, {})[old] = new

    def rename_words(self, new_names: Mapping[str, str]) -> None:
        """Let gin files use the old names of words for one more release.

        Args:
            new_names: the current full name of a registered word by its old one.

        Raises:
            WordError: there is no word of the new name, or still one of the old.
        """
        for old, new in new_names.items():
            if new not in self.words:
                raise WordError(f"there is no word {new!r} that {old!r} could be called now.")
            if old in self.words:
                raise WordError(f"{old} is still registered.")
            self.renamed_words[old] = new

    def _add(self, word: Word) -> None:
        old = self.words.get(word.name)
        taken = old is not None and not _is_same(old.target, word.target)
        if taken or word.name in self.constants:
            raise WordError(f"{word.name} is registered already; choose another name.")
        self.words[word.name] = word


_default = Vocabulary()
_modules_of_default: list[str] = []


def default_vocabulary() -> Vocabulary:
    """Return the vocabulary of gin files, filled when it is first used."""
    for module in _modules_of_default:
        importlib.import_module(module)
    return _default


def fill_default_vocabulary_from(module: str) -> None:
    """Name a module that registers words of the default vocabulary; its first use imports it.

    The package above names it, for the language knows no word of its own.
    """
    _modules_of_default.append(module)


def family(name: str, /, *targets: Any, **named_targets: Any) -> None:
    """Add words to the default vocabulary; see `Vocabulary.add_family`."""
    default_vocabulary().add_family(name, *targets, **named_targets)


def constants(name: str, /, **values: Any) -> None:
    """Add constants to the default vocabulary; see `Vocabulary.add_constants`."""
    default_vocabulary().add_constants(name, **values)


def root(target: Any) -> None:
    """Set the root of the default vocabulary; see `Vocabulary.add_root`."""
    default_vocabulary().add_root(target)


def renamed_settings(word: str, /, **new_names: str) -> None:
    """Keep old names of settings in the default vocabulary; see `Vocabulary.rename_settings`.

    renamed_settings("learner.ActorCritic", actor_every="policy_delay")
    """
    default_vocabulary().rename_settings(word, **new_names)


def renamed_words(new_names: Mapping[str, str]) -> None:
    """Keep old names of words in the default vocabulary; see `Vocabulary.rename_words`.

    renamed_words({"acting.Mode": "action_selection.Mode"})
    """
    default_vocabulary().rename_words(new_names)


def _is_same(old: Any, new: Any) -> bool:
    def origin(target):
        return getattr(target, "__module__", None), getattr(target, "__qualname__", None)

    return old is new or (origin(old) == origin(new) and None not in origin(new))


def _check_family(name: str) -> None:
    if not name.isidentifier() or name in _RESERVED:
        raise WordError(f"{name!r} cannot be the name of a family.")


def _own_name(target: Any) -> str:
    name = getattr(target, "__name__", "")
    if not name.isidentifier():
        raise WordError(f"{target!r} has no name of its own; write name=target.")
    return name


def _family_of(name: str) -> str:
    return name.rpartition(".")[0]

"""Find names that do not exist, are of another kind, or may not be set."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from dsl.language.bindings import Binding, BindingTable, split_key
from dsl.language.graph import enclosing_scopes
from dsl.language.problems import (
    OVERRIDES,
    Problem,
    did_you_mean,
    likeness,
    listed,
    nearest,
    similar_scope,
)
from dsl.language.registry import Vocabulary
from dsl.language.sources import Sources
from dsl.language.sweeps import varied_names
from dsl.language.values import REQUIRED, MacroRef, Reference, leaves, prefixed
from dsl.language.word import Word


@dataclass(frozen=True)
class Known:
    """The names that exist, as far as could be read.

    Attributes:
        table: all bindings.
        vocabulary: words and constants.
        all_words: whether every import succeeded; else unknown words may be those of a module.
        sources: the files, with what could not be read of them; it may define unknown macros.
    """

    table: BindingTable
    vocabulary: Vocabulary
    all_words: bool = True
    sources: Sources = field(default_factory=Sources)

    @cached_property
    def scopes(self) -> set[str]:
        """Return the scopes that any line sets something for, those around them included."""
        return {s for scope in bound_scopes(self.table) for s in enclosing_scopes(scope) if s}

    def may_set(self, *names: str) -> bool:
        """Return whether what could not be read may define one of these macros or scopes."""
        return not self.sources.is_complete or not self.unread.isdisjoint(names)

    @property
    def is_complete(self) -> bool:
        """Return whether every file could be read, and every module imported."""
        return self.sources.is_complete and self.all_words

    @cached_property
    def unread(self) -> frozenset[str]:
        """Return the names in lines that could not be read."""
        return frozenset(name for lines in self.sources.unread for name in lines.names)


def bound_scopes(table: BindingTable) -> set[str]:
    """Return the scopes that any line sets something for."""
    return {binding.scope for binding in table.bindings if binding.scope}


def name_problems(known: Known) -> Iterator[Problem]:
    """Yield every wrong name on either side of every `=`."""
    for binding in known.table.bindings:
        texts = [_wrong_target(binding, known)]
        for leaf in leaves(binding.value):
            if isinstance(leaf, Reference):
                texts.append(_wrong_reference(leaf, known))
            elif isinstance(leaf, MacroRef):
                texts.append(_wrong_macro(leaf, known))
        yield from (Problem(binding.location, text) for text in texts if text)


def sweep_name_problems(known: Known, sweep: list[Binding]) -> Iterator[Problem]:
    """Yield the unknown names that a grid varies, and the unknown macros among its values."""
    for binding in sweep:
        texts = [_wrong_macro(m, known) for m in leaves(binding.value) if isinstance(m, MacroRef)]
        # A grid sets its names as `--set` does: it defines no macro.
        place = replace(binding.location, rank=OVERRIDES)
        for name in varied_names(binding):
            text = _wrong_target(Binding(*split_key(name), None, place), known)
            texts.append(f"{binding.subject}: {text}" if text else None)
        yield from (Problem(binding.location, text) for text in texts if text)


def _unknown_word(name: str, known: Known) -> str:
    family, vocabulary = name.rpartition(".")[0], known.vocabulary
    suggestion = nearest(name, [*vocabulary.words, *vocabulary.constants])
    # What resembles no word closely may be the user's own.
    may_be_own = not known.sources.imports and (not suggestion or not _is_close(name, suggestion))
    own = " If it is your own, import its module." if may_be_own else ""
    if suggestion:
        return f"there is no word '{name}'.{did_you_mean(suggestion, name)}{own}"
    if family in vocabulary.families:
        return f"there is no word '{name}'.{listed('There are', vocabulary.members(family))}{own}"
    return f"there is no word '{name}'.{listed('Families', vocabulary.families)}{own}"


def _is_close(name: str, suggestion: str) -> bool:
    """Return whether two words differ little, their families aside."""
    return likeness(name.rpartition(".")[2], suggestion.rpartition(".")[2]) >= 0.8


def _wrong_target(binding: Binding, known: Known) -> str | None:
    """Return what is wrong with the left side of a binding."""
    if binding.is_macro:
        return _wrong_macro_target(binding, known)
    word = known.vocabulary.words.get(binding.word)
    if word is None:
        return _wrong_target_word(binding, known)
    if binding.setting in word.runtime_arguments:
        return (
            f"{word.name}.{binding.setting} cannot be set: the program works it out."
            f"{listed('Settings', word.settings)}"
        )
    if binding.setting in word.settings:
        return None
    return _unknown_setting(word, binding.setting)


def _wrong_macro_target(binding: Binding, known: Known) -> str | None:
    if binding.scope:
        return f"a macro has no scope: write {binding.word} = ..., without '{binding.scope}/'."
    if not binding.location.in_override or known.may_set(binding.word):
        return None
    written = [b for b in known.table.bindings if not b.location.in_override]
    macros = list(dict.fromkeys(b.word for b in written if b.is_macro))
    if binding.word in macros:
        return None
    root = known.vocabulary.root_word
    others = [f"{root.name}.{s}" for s in root.settings]
    others += [b.subject for b in written if not b.is_macro]
    suggestion = nearest(binding.word, macros) or nearest(binding.word, others)
    text = f"there is no macro '{binding.word}'.{did_you_mean(suggestion)}"
    return text if suggestion else text + listed("Macros", macros)


def _wrong_target_word(binding: Binding, known: Known) -> str | None:
    vocabulary, name = known.vocabulary, binding.word
    inner = f"{name}.{binding.setting}"
    if inner in vocabulary.words:
        settings = vocabulary.words[inner].settings
        if not settings:
            return f"{inner} is a word without settings; use it as @{inner}()."
        example = f"{inner}.{next(iter(settings))} = ..."
        return f"{inner} is a word; its settings are set one by one, as in {example}"
    if inner in vocabulary.constants or name in vocabulary.constants:
        constant = inner if inner in vocabulary.constants else name
        return f"{constant} is a constant and cannot be set; use it as %{constant}."
    if name in vocabulary.families:
        words = [n for n in vocabulary.members(name) if n in vocabulary.words]
        return f"'{name}' is a family; name one of its words.{listed('There are', words)}"
    return _unknown_word(name, known) if known.all_words else None


def _unknown_setting(word: Word, setting: str) -> str:
    suggestion = did_you_mean(nearest(setting, word.settings), setting)
    settings = listed("Settings", word.settings) or " It has no settings."
    return f"{word.name} has no setting '{setting}'.{suggestion}{settings}"


def _wrong_reference(reference: Reference, known: Known) -> str | None:
    name, vocabulary = reference.word, known.vocabulary
    if name in vocabulary.words:
        if name == vocabulary.root:
            return f"{name} is what the file describes; nothing can refer to it."
        if not reference.called:
            return f"write @{prefixed(reference.scope, name)}(), with parentheses."
        return _misspelt_scope(reference, known)
    if name in vocabulary.constants:
        return f"{name} is a constant: write %{name} instead of {reference}."
    if known.table.macro(name):
        return f"{name} is a macro: write %{name} instead of {reference}."
    return _unknown_word(name, known) if known.all_words else None


def _misspelt_scope(reference: Reference, known: Known) -> str | None:
    """Refuse a scope that no line sets anything for, if it resembles one that has settings."""
    scope, word = reference.scope, known.vocabulary.words[reference.word]
    if not scope or scope in known.scopes or known.may_set(*scope.split("/")):
        return None
    suggestion = similar_scope(scope, sorted(known.scopes))
    if suggestion is None:
        return None
    example = f"{scope}/{word.name}.{next(iter(word.settings), 'setting')} = ..."
    return (
        f"nothing is set for the scope '{scope}'.{did_you_mean(suggestion)} If it is another one, "
        f"set something for it: {example}"
    )


def _wrong_macro(name: MacroRef, known: Known) -> str | None:
    table, vocabulary = known.table, known.vocabulary
    if name == REQUIRED or name.name in vocabulary.constants or table.macro(name.name):
        return None
    if name.name in vocabulary.words:
        return f"{name.name} is a word: write @{name.name}() instead of {name}."
    # A constant is meant by a name without its family at most if the name is the same.
    constants = [c for c in vocabulary.constants if name.is_constant or _is_short(name.name, c)]
    suggestion = nearest(name.name, [*table.macros, *constants])
    hint = f" Did you mean '%{suggestion}'?" if suggestion else ""
    if name.is_constant:
        return f"there is no constant '{name}'.{hint}" if known.all_words else None
    if known.may_set(name.name):
        return None
    return f"macro '{name}' is used but never defined.{hint}"


def _is_short(name: str, constant: str) -> bool:
    return constant.rpartition(".")[2].lower() == name.lower()

"""Read an experiment as it was probably meant, so that one mistake does not hide the others.

What a misspelt name would use or set is judged as if the name were right; what cannot be guessed is
taken to build and to use everything it mentions.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from dsl.language.bindings import Binding, BindingTable, without_circles
from dsl.language.lint.names import Known
from dsl.language.problems import nearest, similar_scope
from dsl.language.registry import Vocabulary
from dsl.language.sweeps import macros_within
from dsl.language.values import REQUIRED, MacroRef, Reference, leaves, replace_leaves


class Mended(NamedTuple):
    """The bindings of an experiment under names that exist.

    Attributes:
        table: bindings whose left side is right or can be guessed.
        unplaced: the others: nobody knows what takes their values.
    """

    table: BindingTable
    unplaced: list[Binding]


def mend(known: Known) -> Mended:
    """Replace misspelt names by the most similar ones that exist; leave circular macros out."""
    straight = without_circles(known.table)
    guessed = [binding for lines in known.sources.unread for binding in lines.bindings]
    vocabulary = known.vocabulary
    scopes = sorted(known.scopes)
    macros = (b for b in known.table.bindings if b.is_macro and not b.location.in_override)
    written = list(dict.fromkeys([*(b.word for b in macros), *known.unread]))
    kept = set(straight.bindings)
    mended, unplaced = [], [b for b in known.table.bindings if b not in kept]
    for binding in [*straight.bindings, *guessed]:
        # The value of a macro keeps its misspelt macros: what they mean could be the macro itself.
        macros = [] if binding.is_macro else written
        value = _mended_value(binding.value, macros, vocabulary, scopes)
        binding = binding if value == binding.value else replace(binding, value=value)
        placed = _placed(binding, written, vocabulary)
        (unplaced if placed is None else mended).append(placed or binding)
    return Mended(BindingTable(mended), unplaced)


def mentioned_macros(values: Iterable[Any], table: BindingTable) -> set[str]:
    """Return the macros in some values, those that misspelt ones mean, and those in all these."""
    found = set()
    for leaf in leaves(list(values)):
        if isinstance(leaf, MacroRef):
            known = table.macro(leaf.name) is not None
            name = leaf.name if known else nearest(leaf.name, table.macros) or leaf.name
            found |= macros_within(MacroRef(name), table)
    return found


def _placed(binding: Binding, macros: list[str], vocabulary: Vocabulary) -> Binding | None:
    """Return the binding under a name that exists, or None."""
    if binding.is_macro:
        unknown = binding.location.in_override and binding.word not in macros
        name = nearest(binding.word, macros) if unknown else binding.word
        if name is None or (name == binding.word and not binding.scope):
            return None if name is None else binding
        return replace(binding, word=name, scope="")
    name = _known_word(binding.word, vocabulary)
    if name is None:
        return None
    settings = vocabulary.words[name].settings
    known = binding.setting in settings
    setting = binding.setting if known else nearest(binding.setting, settings)
    if setting is None:
        return None
    if (name, setting) == (binding.word, binding.setting):
        return binding
    return replace(binding, word=name, setting=setting)


def _known_word(name: str, vocabulary: Vocabulary) -> str | None:
    return name if name in vocabulary.words else nearest(name, vocabulary.words)


def _mended_value(value: Any, macros: list[str], vocabulary: Vocabulary, scopes: list[str]) -> Any:
    def mended(leaf: Any) -> Any:
        if isinstance(leaf, Reference):
            name = _known_word(leaf.word, vocabulary) or leaf.word
            unknown = leaf.scope and leaf.scope not in scopes
            scope = similar_scope(leaf.scope, scopes) if unknown else leaf.scope
            return Reference(name, scope or leaf.scope)
        if isinstance(leaf, MacroRef) and not (
            leaf == REQUIRED or leaf.name in macros or leaf.name in vocabulary.constants
        ):
            return MacroRef(nearest(leaf.name, macros) or leaf.name)
        return leaf

    return replace_leaves(value, mended)

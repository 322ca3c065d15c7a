"""Bindings as they were probably meant, so that one misspelt name is not reported ten times."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dsl.language.lint_names import nearest_word
from dsl.language.registry import Vocabulary
from dsl.language.statements import Binding
from dsl.language.suggest import nearest
from dsl.language.table import BindingTable
from dsl.language.values import REQUIRED, MacroRef, Reference, replace_leaves


def repair(
    bindings: Iterable[Binding], table: BindingTable, vocabulary: Vocabulary
) -> list[Binding] | None:
    """The bindings with wrong names replaced by the nearest right ones.

    A binding for which there is none is left out where its value names nothing else; otherwise what
    it was to build is unknown, and so the answer is None.
    """
    repaired = [(binding, _binding(binding, table, vocabulary)) for binding in bindings]
    if any(right is None and _names(wrong.value) for wrong, right in repaired):
        return None
    return [right for _, right in repaired if right is not None]


def _binding(binding: Binding, table: BindingTable, vocabulary: Vocabulary) -> Binding | None:
    meant = {leaf: _meant(leaf, table, vocabulary) for leaf in _names(binding.value)}
    if None in meant.values():
        return None
    value = replace_leaves(binding.value, lambda leaf: meant[leaf] if _is_name(leaf) else leaf)
    if binding.is_macro:
        return binding if value == binding.value else replace(binding, value=value)
    name = _word(binding.word, vocabulary)
    if name is None:
        return None
    settings = vocabulary.words[name].settings
    setting = binding.setting if binding.setting in settings else nearest(binding.setting, settings)
    if setting is None:
        return None
    same = (name, setting) == (binding.word, binding.setting) and value == binding.value
    return binding if same else replace(binding, word=name, setting=setting, value=value)


def _meant(leaf: Reference | MacroRef, table: BindingTable, vocabulary: Vocabulary) -> Any:
    if isinstance(leaf, Reference):
        name = _word(leaf.word, vocabulary)
        return None if name is None else replace(leaf, word=name, called=True)
    if leaf == REQUIRED or leaf.name in vocabulary.constants or table.macro(leaf.name):
        return leaf
    suggestion = nearest(leaf.name, [*table.macros, *vocabulary.constants])
    return None if suggestion is None else MacroRef(suggestion)


def _word(name: str, vocabulary: Vocabulary) -> str | None:
    if name in vocabulary.words:
        return name
    suggestion = nearest_word(name, vocabulary)
    return suggestion if suggestion in vocabulary.words else None


def _names(value: Any) -> set[Reference | MacroRef]:
    found: set[Reference | MacroRef] = set()
    replace_leaves(value, lambda leaf: found.add(leaf) if _is_name(leaf) else None)
    return found


def _is_name(leaf: Any) -> bool:
    return isinstance(leaf, (Reference, MacroRef))

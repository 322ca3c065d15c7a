"""Which word fills which place: the tree of what is built, as rows of text."""

from collections.abc import Iterator
from typing import Any

from dsl.language.operative import default_text
from dsl.language.reach import ConfigNode, Reach
from dsl.language.registry import Vocabulary
from dsl.language.table import BindingTable
from dsl.language.values import Reference, leaves, prefixed

Row = tuple[str, str, str]


def pipeline(found: Reach, table: BindingTable, vocabulary: Vocabulary) -> list[Row]:
    """Place, word with its role, and settings of everything that is built, in that order.

    Places are indented by how deep they lie; settings that are words have rows of their own.
    """
    walk = _Walk(found, table, vocabulary)
    return list(walk.inside(next(iter(found.visits.values())), 0))


class _Walk:
    def __init__(self, found: Reach, table: BindingTable, vocabulary: Vocabulary):
        self._found, self._table, self._vocabulary = found, table, vocabulary

    def inside(self, visit: ConfigNode, depth: int) -> Iterator[Row]:
        for name in visit.settings:
            for reference in self._references(visit, name):
                scope = reference.scope or visit.scope
                child = self._found.visits[(scope, reference.word)]
                word = prefixed(scope, reference.word)
                yield "  " * depth + name, word, ", ".join(self._settings(child))
                yield from self.inside(child, depth + 1)

    def _settings(self, visit: ConfigNode) -> Iterator[str]:
        for name in visit.word.settings:
            if not self._references(visit, name):
                yield f"{name}={default_text(self._value(visit, name), self._vocabulary)}"

    def _references(self, visit: ConfigNode, name: str) -> list[Reference]:
        return [leaf for leaf in leaves(self._value(visit, name)) if isinstance(leaf, Reference)]

    def _value(self, visit: ConfigNode, name: str) -> Any:
        binding = visit.settings.get(name)
        if binding is None:
            return visit.word.settings[name].default
        return self._table.resolve(binding.value)

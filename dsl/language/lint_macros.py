"""Macros that can never be replaced by their value."""

from collections.abc import Iterator
from typing import NamedTuple

from dsl.language.problems import Problem
from dsl.language.table import BindingTable
from dsl.language.values import MacroRef, leaves

_LARGEST = 10_000
_DEEPEST = 40


def macro_problems(table: BindingTable) -> Iterator[Problem]:
    """Macros that are defined by themselves, or grow without measure by using each other."""
    measures: dict[str, _Measure] = {}
    for name in table.macros:
        yield from _Walk(table, measures).from_macro(name)


class _Measure(NamedTuple):
    """Items of a macro once the macros in it are replaced, and how many stand in each other."""

    items: int
    depth: int


class _Walk:
    """Down into the macros that a macro uses, without recursion: there may be thousands."""

    def __init__(self, table: BindingTable, measures: dict[str, _Measure]):
        self.table, self.measures = table, measures
        self.path: dict[str, Iterator[str]] = {}

    def from_macro(self, name: str) -> Iterator[Problem]:
        if name not in self.measures:
            self.path[name] = iter(self._uses(name))
        while self.path:
            current = next(reversed(self.path))
            used = next(self.path[current], None)
            if used is None:
                del self.path[current]
                yield from self._finish(current)
            elif used in self.path:
                circle = [*list(self.path)[list(self.path).index(used) :], used]
                yield self._problem(used, f"is defined by itself: {' -> '.join(circle)}.")
            elif used not in self.measures:
                self.path[used] = iter(self._uses(used))

    def _finish(self, name: str) -> Iterator[Problem]:
        used = [self.measures.get(other, _Measure(0, 0)) for other in self._uses(name)]
        own = sum(1 for _ in leaves(self._value(name)))
        measure = _Measure(
            own + sum(m.items for m in used), 1 + max((m.depth for m in used), default=0)
        )
        if measure.items > _LARGEST:
            yield self._problem(name, f"has more than {_LARGEST:_} items with its macros replaced.")
        elif measure.depth > _DEEPEST:
            yield self._problem(name, f"uses macros that use macros, more than {_DEEPEST} deep.")
        # What has been reported once starts anew, so that it is not reported at every user.
        fine = measure.items <= _LARGEST and measure.depth <= _DEEPEST
        self.measures[name] = measure if fine else _Measure(0, 0)

    def _uses(self, name: str) -> list[str]:
        names = [leaf.name for leaf in leaves(self._value(name)) if isinstance(leaf, MacroRef)]
        return [used for used in names if self.table.macro(used)]

    def _value(self, name: str):
        binding = self.table.macro(name)
        return None if binding is None else binding.value

    def _problem(self, name: str, text: str) -> Problem:
        return Problem(self.table.macros[name].location, f"{name} {text}")

"""Find macros that are defined by themselves."""

from collections.abc import Iterator

from dsl.language.bindings import BindingTable
from dsl.language.problems import Problem
from dsl.language.values import MacroRef, leaves


def circle_problems(table: BindingTable) -> Iterator[Problem]:
    """Yield macros that are defined by themselves, each circle once."""
    for circle in _circles(table):
        text = f"{circle[0]} is defined by itself: {' -> '.join(circle)}."
        yield Problem(table.macros[circle[0]].location, text)


def without_circles(table: BindingTable) -> BindingTable:
    """Return the bindings without macros that are defined by themselves."""
    circular = {name for circle in _circles(table) for name in circle}
    return BindingTable(b for b in table.bindings if not (b.is_macro and b.word in circular))


def _circles(table: BindingTable) -> Iterator[list[str]]:
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[list[str]]:
        binding = table.macro(name)
        if name in path:
            yield [*path[path.index(name) :], name]
        elif binding is not None and name not in finished:
            for leaf in leaves(binding.value):
                if isinstance(leaf, MacroRef):
                    yield from visit(leaf.name, (*path, name))
            finished.add(name)

    for name in table.macros:
        yield from visit(name, ())

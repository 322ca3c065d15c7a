"""Bindings that undo each other without it showing."""

from collections.abc import Iterator

from dsl.language.problems import Problem
from dsl.language.statements import Binding, Key
from dsl.language.table import BindingTable


def repeat_problems(table: BindingTable, parents: dict[str, str]) -> Iterator[Problem]:
    """The same thing set twice in one file, or set again by a file included further down.

    Args:
        table: all bindings.
        parents: by the name of a file, the name of the one that includes it.
    """
    first: dict[tuple, Binding] = {}
    for binding in table.bindings:
        source = binding.location.source
        earlier = first.setdefault((source, binding.key), binding)
        if earlier is not binding:
            where = "by another --set" if source == "--set" else f"at {earlier.location}"
            yield Problem(binding.location, f"{binding.subject} is already set {where}.")
    last: dict[Key, Binding] = {}
    for later in table.bindings:
        binding = last.get(later.key)
        last[later.key] = later
        if binding and _includes(binding.location.file, later.location.file, parents):
            yield Problem(
                binding.location,
                f"{binding.subject} is set again at {later.location}, which is included further "
                "down and wins. Move the include above this line.",
            )


def _includes(file: str, other: str, parents: dict[str, str]) -> bool:
    seen = set()
    while other in parents and other not in seen:
        seen.add(other)
        other = parents[other]
        if other == file:
            return True
    return False

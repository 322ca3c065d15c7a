"""Read what varies in a sweep: `sweep.grid = {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1]}`.

Names that vary together stand in a tuple: `{('WIDTH', 'CRITIC_DEPTH'): [(64, 4), (256, 8)]}`.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from dsl.language.bindings import Binding, BindingTable
from dsl.language.problems import Problem, did_you_mean, nearest
from dsl.language.values import MacroRef, gin_text, leaves, replace_leaves, shown

FAMILY, GRID = "sweep", "grid"

Names = tuple[str, ...]
Grid = dict[Names, list[tuple[str, ...]]]

_FORM = "Write it as {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1, 2]}."
_TOGETHER = "Names that vary together: {('WIDTH', 'CRITIC_DEPTH'): [(64, 4), (256, 8)]}."


def split_sweep(bindings: list[Binding]) -> tuple[list[Binding], list[Binding]]:
    """Split into the bindings of the experiment itself and those of its sweep."""
    sweep = [binding for binding in bindings if _is_sweep(binding)]
    return [binding for binding in bindings if not _is_sweep(binding)], sweep


def grid_of(sweep: list[Binding], table: BindingTable) -> Grid:
    """Return names that vary together and their values as gin text; empty if nothing varies.

    Macros are replaced by their values, but for those that the grid varies itself.
    """
    if not sweep:
        return {}
    values = _resolved_values(sweep[-1], table)
    return {_names(key): [_texts(key, value) for value in found] for key, found in values.items()}


def repeated_value_problems(sweep: list[Binding], table: BindingTable) -> Iterator[Problem]:
    """Yield the names of a well-formed grid that have the same value twice.

    Args:
        sweep: the bindings of the sweep.
        table: bindings without circular macros.
    """
    for binding in sweep[-1:]:
        for text in _repeated_values(_resolved_values(binding, table)):
            yield Problem(binding.location, f"{FAMILY}.{GRID} {text}")


def varied_names(binding: Binding) -> list[str]:
    """Return the names that a grid varies, as far as they can be read."""
    keys = list(binding.value) if isinstance(binding.value, dict) else []
    return [name for name in leaves(keys) if isinstance(name, str)]


def _resolved_values(binding: Binding, table: BindingTable) -> dict[Any, list[Any]]:
    varied = set(varied_names(binding))

    def resolved(leaf: Any) -> Any:
        is_macro = isinstance(leaf, MacroRef) and not leaf.is_constant
        fixed = is_macro and varied.isdisjoint(macros_within(leaf, table))
        return table.resolve(leaf) if fixed else leaf

    return {key: replace_leaves(list(found), resolved) for key, found in binding.value.items()}


def macros_within(value: Any, table: BindingTable) -> set[str]:
    """Return the names of the macros in a value, and of those in their values, and so on."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        names = {leaf.name for leaf in leaves(waiting.pop()) if isinstance(leaf, MacroRef)} - found
        found |= names
        waiting += [binding.value for name in names if (binding := table.macro(name))]
    return found


def _repeated_values(grid: dict[Any, list[Any]]) -> Iterator[str]:
    """Yield which names have equal values, however they are spelt: 1, 1.0 and a macro that is 1."""
    for key, values in grid.items():
        for earlier, value in itertools.combinations(values, 2):
            if _is_same(earlier, value):
                first, second = gin_text(earlier), gin_text(value)
                spelt = "" if first == second else f", the second time as {second}"
                yield f"gives {key!r} the value {first} twice{spelt}."
                break


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; numbers however they are written."""
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def sweep_problems(sweep: list[Binding]) -> Iterator[Problem]:
    """Yield what is wrong with the form of a sweep; each run judges its own names and values."""
    first: dict[tuple[str, str], Binding] = {}
    for binding in sweep:
        earlier = first.setdefault((binding.location.source, binding.subject), binding)
        if earlier is not binding:
            text = f"{binding.subject} is already set at {earlier.location}."
            yield Problem(binding.location, text)
        if binding.setting != GRID or binding.scope:
            hint = did_you_mean(nearest(binding.setting, [GRID]))
            texts = [f"{binding.subject}: a sweep has one setting, {FAMILY}.{GRID}.{hint}"]
        else:
            texts = (f"{FAMILY}.{GRID} {text}" for text in _wrong_grid(binding.value))
        yield from (Problem(binding.location, text) for text in texts)


def _is_sweep(binding: Binding) -> bool:
    return binding.word == FAMILY and not binding.is_macro


def _names(key: str | Names) -> Names:
    return (key,) if isinstance(key, str) else key


def _texts(key: str | Names, value: Any) -> tuple[str, ...]:
    return (gin_text(value),) if isinstance(key, str) else tuple(map(gin_text, value))


def _wrong_grid(value: Any) -> Iterator[str]:
    """Yield what is wrong with a grid, without its name."""
    if not isinstance(value, dict) or not value:
        yield f"is not a dict of lists. {_FORM}"
        return
    wrong = [text for key, values in value.items() if (text := _wrong_axis(key, values))]
    yield from wrong
    names = [name for key in value for name in leaves(key)]
    yield from (f"has {n!r} twice." for n in dict.fromkeys(names) if names.count(n) > 1)


def _wrong_axis(key: Any, values: Any) -> str | None:
    """Return what is wrong with one entry of a grid, without the name of the grid."""
    together = isinstance(key, tuple) and bool(key)
    if not all(isinstance(name, str) for name in (key if together else [key])):
        return f"has the key {key!r}; keys are names of macros or settings. {_FORM}"
    if not isinstance(values, (list, tuple)) or not values:
        if values in ([], ()):
            return f"has no values for {key!r}: the list is empty. {_FORM}"
        return f"has {shown(values)} for {key!r}, which is not a list. {_FORM}"
    for value in values:
        if together and not (isinstance(value, (list, tuple)) and len(value) == len(key)):
            return (
                f"gives {key!r} the value {shown(value)}; it must be {len(key)} values. {_TOGETHER}"
            )
    return None

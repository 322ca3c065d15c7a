"""Read what varies in a sweep: `sweep.grid = {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1]}`.

Names that vary together stand in a tuple: `{('WIDTH', 'CRITIC_DEPTH'): [(64, 4), (256, 8)]}`.
"""

from collections.abc import Iterator
from typing import Any

from dsl.language.bindings import Binding
from dsl.language.problems import Problem
from dsl.language.suggest import did_you_mean, nearest
from dsl.language.values import gin_text, shown

FAMILY, GRID = "sweep", "grid"

Names = tuple[str, ...]
Grid = dict[Names, list[tuple[str, ...]]]

_FORM = "Write it as {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1, 2]}."
_TOGETHER = "Names that vary together: {('WIDTH', 'CRITIC_DEPTH'): [(64, 4), (256, 8)]}."


def split_sweep(bindings: list[Binding]) -> tuple[list[Binding], list[Binding]]:
    """Split into the bindings of the experiment itself and those of its sweep."""
    sweep = [binding for binding in bindings if _is_sweep(binding)]
    return [binding for binding in bindings if not _is_sweep(binding)], sweep


def grid_of(sweep: list[Binding]) -> Grid:
    """Return names that vary together and their values as gin text; empty if nothing varies."""
    if not sweep:
        return {}
    grid = sweep[-1].value.items()
    return {_names(key): [_texts(key, value) for value in values] for key, values in grid}


def sweep_problems(sweep: list[Binding]) -> Iterator[Problem]:
    """Yield what is wrong with the form of a sweep; each run judges its own names and values."""
    for binding in sweep:
        if binding.setting != GRID or binding.scope:
            hint = did_you_mean(nearest(binding.setting, [GRID]))
            text = f"{binding.subject}: a sweep has one setting, {FAMILY}.{GRID}.{hint}"
        else:
            text = _wrong_grid(binding.value)
        if text:
            yield Problem(binding.location, text)


def _is_sweep(binding: Binding) -> bool:
    return binding.word == FAMILY and not binding.is_macro


def _names(key: str | Names) -> Names:
    return (key,) if isinstance(key, str) else key


def _texts(key: str | Names, value: Any) -> tuple[str, ...]:
    return (gin_text(value),) if isinstance(key, str) else tuple(map(gin_text, value))


def _wrong_grid(value: Any) -> str | None:
    name = f"{FAMILY}.{GRID}"
    if not isinstance(value, dict) or not value:
        return f"{name} is no dict of lists. {_FORM}"
    wrong = (text for key, values in value.items() if (text := _wrong_axis(key, values)))
    if text := next(wrong, None):
        return f"{name} {text}"
    names = [name for key in value for name in _names(key)]
    if twice := [name for name in names if names.count(name) > 1]:
        return f"{name} has {twice[0]!r} twice."
    return None


def _wrong_axis(key: Any, values: Any) -> str | None:
    """Return what is wrong with one entry of a grid, without the name of the grid."""
    together = isinstance(key, tuple) and bool(key)
    if not all(isinstance(name, str) for name in (key if together else [key])):
        return f"has the key {key!r}; keys are names of macros or settings. {_FORM}"
    if not isinstance(values, (list, tuple)) or not values:
        return f"gives {key!r} no list of values. {_FORM}"
    for value in values:
        if together and not (isinstance(value, (list, tuple)) and len(value) == len(key)):
            return (
                f"gives {key!r} the value {shown(value)}; it must be {len(key)} values. {_TOGETHER}"
            )
    texts = [gin_text(value) for value in values]
    if twice := [text for text in texts if texts.count(text) > 1]:
        return f"gives {key!r} the value {twice[0]} twice."
    return None

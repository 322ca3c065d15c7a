"""`sweep.grid = {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1]}`: what of an experiment varies."""

from collections.abc import Iterator
from typing import Any

from dsl.language.problems import Problem
from dsl.language.statements import Binding
from dsl.language.suggest import did_you_mean, nearest
from dsl.language.values import gin_text

FAMILY, GRID = "sweep", "grid"

Grid = dict[str, list[str]]

_FORM = "Write it as {'CRITIC_DEPTH': [4, 8], 'SEED': [0, 1, 2]}."


def without_sweep(bindings: list[Binding]) -> tuple[list[Binding], list[Binding]]:
    """The bindings of the experiment itself, and those of its sweep."""
    sweep = [binding for binding in bindings if _is_sweep(binding)]
    return [binding for binding in bindings if not _is_sweep(binding)], sweep


def grid_of(sweep: list[Binding]) -> Grid:
    """Names and the values each takes, as gin text; empty where nothing varies."""
    if not sweep:
        return {}
    return {name: [gin_text(v) for v in values] for name, values in sweep[-1].value.items()}


def sweep_problems(sweep: list[Binding]) -> Iterator[Problem]:
    """What is wrong with the form of a sweep; names and values are judged where they are set."""
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


def _wrong_grid(value: Any) -> str | None:
    name = f"{FAMILY}.{GRID}"
    if not isinstance(value, dict) or not value:
        return f"{name} is no dict of lists. {_FORM}"
    for key, values in value.items():
        if not isinstance(key, str):
            return f"{name} has the key {key!r}; keys are names of macros or settings. {_FORM}"
        if not isinstance(values, (list, tuple)) or not values:
            return f"{name} gives {key!r} no list of values. {_FORM}"
        texts = [gin_text(v) for v in values]
        if twice := [text for text in texts if texts.count(text) > 1]:
            return f"{name} gives {key!r} the value {twice[0]} twice."
    return None

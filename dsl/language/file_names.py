"""Macros in the names of included files: `include 'tasks/%TASK.gin'`."""

import re
from collections.abc import Iterable
from typing import Any

from dsl.language.statements import Binding
from dsl.language.values import shown

_MACRO = re.compile(r"%([A-Za-z_]\w*)")


class UnnamedError(Exception):
    """A macro that names no file; the message is for the user."""


def macros_in(path: str) -> list[str]:
    """Names of the macros in an included path."""
    return _MACRO.findall(path)


def completed(path: str, values: dict[str, Any]) -> str:
    """The path with its macros replaced by their values.

    Raises:
        UnnamedError: a macro without a value, or with one that is no text.
    """

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise UnnamedError(f"{path!r} takes its name from {name}, which nothing sets.")
        if not isinstance(values[name], str):
            raise UnnamedError(
                f"{path!r} takes its name from {name}, which is {shown(values[name])}; "
                "it must be text."
            )
        return values[name]

    return _MACRO.sub(one, path)


def final_values(macros: Iterable[str], bindings: Iterable[Binding]) -> dict[str, Any]:
    """What the macros are in the end, by name; those that nothing sets are absent."""
    found = {binding.word: binding.value for binding in bindings if binding.is_macro}
    return {name: found[name] for name in macros if name in found}

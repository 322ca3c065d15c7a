"""Read `--set NAME=VALUE` as bindings."""

import re
from collections.abc import Iterable
from typing import Any

from dsl.language.bindings import Binding
from dsl.language.parse import NAMED_KEYS, error_message, parse, split_binding_key
from dsl.language.problems import OVERRIDES, Location, Problem
from dsl.language.syntax_hints import arithmetic_hint, explain
from dsl.language.values import has_named_keys

_NAME = re.compile(r"([A-Za-z_]\w*/)*([A-Za-z_]\w*\.)*[A-Za-z_]\w*")
_GIN_SIGNS = ("@", "%", "[", "(", "{", "'", '"')


class OverrideError(ValueError):
    """An override that cannot be read."""


def read_overrides(overrides: Iterable[str]) -> tuple[list[Binding], list[Problem]]:
    """Return a binding for each override that can be read, and a problem for each that cannot."""
    bindings, problems = [], []
    for position, override in enumerate(overrides):
        location = Location(f"--set {_one_line(override)}", rank=OVERRIDES + position)
        try:
            name, value = _split(override)
            bindings.append(Binding(*split_binding_key(name), _read_value(value), location))
        except OverrideError as error:
            problems.append(Problem(location, str(error)))
    return bindings, problems


def _split(override: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in override.partition("="))
    if any("\ud800" <= c <= "\udfff" for c in override):
        raise OverrideError("it is not text in UTF-8.")  # the shell's bytes, as Python shows them
    if not equals:
        raise OverrideError("write NAME=VALUE.")
    if not _NAME.fullmatch(name):
        raise OverrideError(f"{_one_line(name)!r} is no name of a macro or a setting.")
    if not value:
        raise OverrideError(f"there is no value. For empty text, write \"{name}=''\".")
    return name, value


def _read_value(text: str) -> Any:
    parsed = parse(f"VALUE = {text}\n")
    if parsed.error is None and len(parsed.statements) == 1:
        value = parsed.statements[0].value
        if has_named_keys(value):
            raise OverrideError(NAMED_KEYS)
        return value
    if computed := arithmetic_hint(text):
        raise OverrideError(computed)
    # A bare word, a path or a date: the shell would have removed quotes around it.
    if "\n" not in text and not text.startswith(_GIN_SIGNS):
        return text
    said = error_message(parsed.error)[1] if parsed.error else "there is more than one statement"
    raise OverrideError(f"cannot read the value. {explain(said, f'VALUE = {text}')}")


def _one_line(text: str, limit: int = 80) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."

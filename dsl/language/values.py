"""What may stand on the right of `=` beside Python literals, and how values are written as gin."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reference:
    """`@scope/family.Word()`: the word is built here.

    Attributes:
        word: full name, `family.Word`.
        scope: role it is built in; empty takes over the role of the place where it stands.
        called: whether the parentheses are there.
    """

    word: str
    scope: str = ""
    called: bool = True

    def __str__(self) -> str:
        return f"@{prefixed(self.scope, self.word)}{'()' if self.called else ''}"


@dataclass(frozen=True)
class MacroRef:
    """`%NAME`, a macro, or `%family.name`, a constant."""

    name: str

    def __str__(self) -> str:
        return f"%{self.name}"

    @property
    def is_constant(self) -> bool:
        """Only constants belong to a family."""
        return "." in self.name


REQUIRED = MacroRef("gin.REQUIRED")

_DEEPEST = 20
_LONGEST_DECIMAL = 4_000  # bits; Python refuses to write much longer numbers in decimal


class UnwritableError(ValueError):
    """A Python object which gin has no spelling for."""


def prefixed(scope: str, name: str) -> str:
    """`scope/name`, or `name` where there is no scope."""
    return f"{scope}/{name}" if scope else name


def leaves(value: Any) -> Iterator[Any]:
    """Everything inside a value that is no tuple, list or dict, keys of dicts included."""
    for item in _items(value):
        yield from leaves(item)
    if not isinstance(value, (tuple, list, dict)):
        yield value


def nesting(value: Any) -> int:
    """How many brackets enclose the innermost item."""
    if not isinstance(value, (tuple, list, dict)):
        return 0
    return 1 + max(map(nesting, _items(value)), default=0)


def malformed(value: Any) -> str | None:
    """What is wrong with a value whatever it is for, or None."""
    if nesting(value) > _DEEPEST:
        return f"brackets may be nested {_DEEPEST} deep at most."
    if any(isinstance(key, (Reference, MacroRef)) for key in _keys(value)):
        return "the keys of a dict must be numbers or text."
    return None


def replace_leaves(value: Any, new: Callable[[Any], Any]) -> Any:
    """The same value with `new(leaf)` for every leaf; keys of dicts stay."""
    if isinstance(value, dict):
        return {key: replace_leaves(item, new) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(replace_leaves(item, new) for item in value)
    return new(value)


def gin_text(value: Any) -> str:
    """The value as gin reads it back.

    Raises:
        UnwritableError: the value holds an object that is no literal, reference or name.
    """
    if isinstance(value, dict):
        items = (f"{gin_text(k)}: {gin_text(v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(gin_text, value))}]"
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(gin_text, value))}{comma})"
    return _leaf_text(value)


def shown(value: Any, limit: int = 60) -> str:
    """The value for an error message: as gin where possible, and never long."""
    try:
        text = gin_text(value)
    except UnwritableError:
        text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _leaf_text(value: Any) -> str:
    if isinstance(value, (Reference, MacroRef)):
        return str(value)
    if type(value) is int and value.bit_length() > _LONGEST_DECIMAL:
        return hex(value)
    if type(value) is int and abs(value) >= 10_000:
        return f"{value:_}"
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) is float and value == value:
        # gin has no word for infinity; a number too large for a float is read as one.
        return repr(value).replace("inf", "1e999")
    raise UnwritableError(repr(value))


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, (tuple, list)):
        yield from value


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (leaf for key in value for leaf in leaves(key))
    for item in _items(value):
        yield from _keys(item)

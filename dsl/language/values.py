"""Gin values beyond Python literals, and the gin text of every value."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reference:
    """`@scope/family.Word()`: builds a word.

    Attributes:
        word: full name, `family.Word`.
        scope: scope that it is built in; if empty, the scope that the reference stands in.
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
        """Return whether the name belongs to a family, as only constants do."""
        return "." in self.name


REQUIRED = MacroRef("gin.REQUIRED")


class UnwritableError(ValueError):
    """A Python object that gin has no spelling for."""


def prefixed(scope: str, name: str) -> str:
    """Return `scope/name`, or `name` if there is no scope."""
    return f"{scope}/{name}" if scope else name


def leaves(value: Any) -> Iterator[Any]:
    """Yield everything inside a value that is not a tuple, list or dict, keys of dicts included."""
    if isinstance(value, dict):
        yield from leaves(list(value.keys()))
        yield from leaves(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def has_named_keys(value: Any) -> bool:
    """Return whether a dict in the value has a reference or a macro among its keys."""
    if isinstance(value, dict):
        named = any(isinstance(key, (Reference, MacroRef)) for key in leaves(list(value)))
        return named or has_named_keys(list(value.values()))
    return isinstance(value, (tuple, list)) and any(map(has_named_keys, value))


def replace_leaves(value: Any, new: Callable[[Any], Any]) -> Any:
    """Return the value with `new(leaf)` in place of every leaf; keys of dicts stay."""
    if isinstance(value, dict):
        return {key: replace_leaves(item, new) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(replace_leaves(item, new) for item in value)
    return new(value)


def gin_text(value: Any) -> str:
    """Return the text that gin reads back as the value.

    Raises:
        UnwritableError: the value holds an object that is not a literal, reference or macro.
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
    """Return the value for an error message: gin text if possible, shortened to `limit`."""
    try:
        text = gin_text(value)
    except UnwritableError:
        text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _leaf_text(value: Any) -> str:
    if isinstance(value, (Reference, MacroRef)):
        return str(value)
    if type(value) is int and abs(value) >= 10_000:
        return f"{value:_}"
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) is float and value == value:
        # gin cannot spell infinity, but reads a number too large for a float as one.
        return repr(value).replace("inf", "1e999")
    raise UnwritableError(repr(value))

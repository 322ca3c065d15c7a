"""Types in words, for people who write gin files and not Python."""

import collections.abc
import inspect
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

UNIONS = (Union, types.UnionType)
CALLABLES = (collections.abc.Callable, typing.Callable)
NONE = type(None)
TUPLES = (tuple,)
LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

_SCALARS = {
    int: "a whole number",
    float: "a number",
    complex: "a number",
    bool: "True or False",
    str: "text in quotes",
    NONE: "None",
    tuple: "a tuple",
    list: "a list",
    dict: "a dict",
}


def bare(hint: Any) -> Any:
    """The type without constraints, aliases and new names."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif hasattr(hint, "__value__"):  # `type X = ...`
            hint = hint.__value__
        else:
            return NONE if hint is None else hint


def is_open(hint: Any) -> bool:
    """Whether anything may stand there as far as can be told."""
    if hint in (Any, object, inspect.Parameter.empty) or isinstance(hint, (str, typing.TypeVar)):
        return True
    # Shapes and dtypes of arrays are checked where the arrays are.
    return getattr(hint, "__module__", "").startswith("jaxtyping")


def members(hint: Any) -> list[Any]:
    """The types of a union, or the one type."""
    plain = bare(hint)
    return list(get_args(plain)) if get_origin(plain) in UNIONS else [hint]


def describe(hint: Any) -> str:
    """The type as the end of `it must be ...`."""
    plain = bare(hint)
    origin, args = get_origin(plain), get_args(plain)
    if origin in UNIONS and not any(map(is_open, args)):
        *others, last = dict.fromkeys(map(describe, _plain_members(args)))
        return f"{', '.join(others)} or {last}" if others else last
    if origin is Literal:
        options = list(map(repr, args))
        return options[0] if len(options) == 1 else f"one of {', '.join(options)}"
    if is_open(plain) or origin in UNIONS:
        return "any value"
    if plain in CALLABLES or origin in CALLABLES:
        return "a word or function"
    if args and (origin in TUPLES or origin in LISTS or origin in DICTS):
        return _describe_container(origin, args)
    return _SCALARS.get(plain) or _described_class(origin or plain)


def _plain_members(args: tuple) -> list[Any]:
    """A union without what no gin file can write: arrays, where a plain number will do."""
    numbers = [a for a in args if a in (int, float)]
    arrays = [a for a in args if getattr(a, "__module__", "").startswith(("jax", "numpy"))]
    if not (numbers and arrays):
        return list(args)
    return [a for a in args if a not in arrays and a not in (int, bool, complex)]


def _describe_container(origin: Any, args: tuple) -> str:
    if origin in DICTS:
        return f"a dict (values: {describe(args[-1])})"
    if origin in LISTS or args[-1] is Ellipsis:
        kind = "tuple" if origin in TUPLES else "list"
        return f"a {kind} (each item {describe(args[0])})"
    return f"a tuple of {len(args)} items ({', '.join(map(describe, args))})"


def _described_class(hint: Any) -> str:
    name = getattr(hint, "__name__", str(hint)).rpartition(".")[2].removeprefix("Abstract")
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"

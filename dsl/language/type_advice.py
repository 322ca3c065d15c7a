"""Describe types in plain words, and say what to write instead of a wrong value."""

import collections.abc
import inspect
import math
import re
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from components.constraints import find_problem
from dsl.language.foreign_syntax import arithmetic_hint
from dsl.language.problems import did_you_mean, nearest
from dsl.language.registry import Vocabulary
from dsl.language.values import Reference, shown

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
    """Return the type without constraints, aliases and new names."""
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
    """Return whether any value may stand there, as far as can be told."""
    if hint in (Any, object, inspect.Parameter.empty) or isinstance(hint, (str, typing.TypeVar)):
        return True
    # Shapes and dtypes of arrays are checked where the arrays are.
    return getattr(hint, "__module__", "").startswith("jaxtyping")


def made_by(hint: Any) -> Any:
    """Return `X` of `Callable[..., X]`, or Any."""
    args = get_args(hint) if get_origin(hint) in CALLABLES else ()
    made = bare(args[-1]) if args else Any
    return get_origin(made) or made


def members(hint: Any) -> list[Any]:
    """Return the types of a union, or the one type."""
    plain = bare(hint)
    return list(get_args(plain)) if get_origin(plain) in UNIONS else [hint]


def describe(hint: Any) -> str:
    """Return the type as the end of `it must be ...`."""
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
        made = made_by(plain)
        is_class = inspect.isclass(made) and made is not object and not is_open(made)
        return f"a word that makes {_described_class(made)}" if is_class else "a word or function"
    if args and (origin in TUPLES or origin in LISTS or origin in DICTS):
        return _describe_container(origin, args)
    return _SCALARS.get(plain) or _described_class(origin or plain)


def _plain_members(args: tuple) -> list[Any]:
    """Return a union without arrays, which no gin file can write, if a number will do."""
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


def advice(value: Any, hint: Any, words: list[str], vocabulary: Vocabulary) -> str:
    """Return ` Write ...` to append to a sentence, or nothing.

    Args:
        value: what was found.
        hint: annotation of the setting.
        words: references that would fit.
        vocabulary: what names are looked up in.
    """
    kinds = [bare(member) for member in members(hint)]
    if type(value) is float:
        return _for_float(value, hint, kinds)
    if isinstance(value, str):
        return _for_text(value, hint, kinds, words, vocabulary)
    if type(value) is int and bool in kinds and value in (0, 1):
        return f" Write {bool(value)}."
    if isinstance(value, list):
        return _for_list(value, hint, kinds) or _for_reference(value, words)
    return _for_reference(value, words)


def _write(text: str, value: Any, hint: Any) -> str:
    """Advise to write `text`, which gin reads as `value`; or say why that would be refused too."""
    if isinstance(value, float) and not math.isfinite(value):
        return " It must be finite."
    if refused := find_problem(value, hint):
        must = refused.partition("; ")[2]
        return f" {must[:1].upper()}{must[1:]}"
    return f" Write {text}."


def _for_list(value: list, hint: Any, kinds: list[Any]) -> str:
    for kind in kinds:
        if (get_origin(kind) or kind) in TUPLES:
            items = tuple(bare(item) for item in get_args(kind) if item is not ...)
            if not items or all(type(item) in items for item in value):
                return _write(shown(tuple(value)), tuple(value), hint)
    return ""


def _for_float(value: float, hint: Any, kinds: list[Any]) -> str:
    if int not in kinds or abs(value) >= 2**63 or value != value:
        return ""
    if value == int(value):
        return _write(f"{int(value):_}", int(value), hint)
    below = int(value // 1)
    return f" Nearest: {below} or {below + 1}."


def _for_text(
    value: str, hint: Any, kinds: list[Any], words: list[str], vocabulary: Vocabulary
) -> str:
    literal = _unquoted(value)
    if type(literal) in kinds or (type(literal) is int and float in kinds):
        return _write(f"{literal!r}, without quotes", literal, hint)
    options = [o for k in kinds if get_origin(k) is Literal for o in get_args(k)]
    if options:
        return did_you_mean(nearest(value, [o for o in options if isinstance(o, str)]))
    if re.fullmatch(r"%[A-Za-z_]\w*", value):
        return f" Write {value}, without quotes."
    if computed := arithmetic_hint(value):
        return f" {computed[0].upper()}{computed[1:]}"
    takes_names = bool(words) or any(k in CALLABLES or get_origin(k) in CALLABLES for k in kinds)
    return _for_name(value, takes_names, words, vocabulary)


def _for_name(value: str, takes_names: bool, words: list[str], vocabulary: Vocabulary) -> str:
    name = value.strip("@%() ")
    callable_names = [*vocabulary.words, *vocabulary.constants] if takes_names else []
    meant = next((n for n in callable_names if name in (n, n.rpartition(".")[2])), None)
    if meant is None:
        return _for_reference(value, words)
    return f" Write @{meant}()." if meant in vocabulary.words else f" Write %{meant}."


def _for_reference(value: Any, words: list[str]) -> str:
    if not words:
        return ""
    # Of what has the right type, the likeliest is named like what was found.
    like = nearest(value.word, [w.strip("@()") for w in words]) if _is_reference(value) else None
    if like:
        return f" Did you mean '@{like}()'?"
    more = f" or {len(words) - 3} more" if len(words) > 3 else ""
    return f" Write {', '.join(words[:3])}{more}."


def _is_reference(value: Any) -> bool:
    return isinstance(value, Reference)


def _unquoted(text: str) -> Any:
    known = {"true": True, "false": False, "none": None}
    lowered = text.strip().lower()
    if lowered in known:
        return known[lowered]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

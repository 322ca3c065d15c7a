"""Describes an experiment that was built in Python, in the form of a gin file.

The description tells runs apart and shows what ran; it cannot be loaded again, because Python
objects have no gin text.
"""

import contextlib
import functools
import inspect
import math
import sys
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import numpy as np

from dsl.experiment import Experiment
from dsl.records.own_words import collect_words
from dsl.records.provenance import describe_environment

BUILT_IN_PYTHON = "# Built in Python: this file describes the run and cannot be loaded.\n"


def describe_python_experiment(experiment: Experiment, name: str) -> dict[str, Any]:
    """Return the arguments of `RunFolder.describe` for an experiment without a gin file.

    The sources of own words are among them as `words`, as for an experiment with one.
    """
    parts: list[Any] = []
    settings = {
        name: plain_value(value, parts=parts) for name, value in _fields(experiment).items()
    }
    lines = (f"Experiment.{name} = {_short(value)!r}\n" for name, value in settings.items())
    text = BUILT_IN_PYTHON + "".join(lines)
    return {
        "name": name,
        "config": text,
        "operative": text,
        "macros": {},
        "hyperparameters": {"Experiment": settings},
        "environment": describe_environment(sys.argv),
        "words": _collect_words(parts),
    }


def _collect_words(parts: Iterable[Any]) -> dict[str, str]:
    """Return the sources of own classes and functions.

    A module is taken whole, as in a gin file. Of the script or notebook itself only the definitions
    are, since the rest of it says how to run them.
    """
    modules = {part.__module__ for part in parts if isinstance(part.__module__, str)}
    words = collect_words(modules - {"__main__"})
    for part in parts:
        if part.__module__ == "__main__":
            with contextlib.suppress(OSError, TypeError):  # typed at a prompt: no source anywhere
                words[f"__main__.{part.__qualname__}.py"] = inspect.getsource(part)
    return dict(sorted(words.items()))


def _short(value: Any) -> Any:
    """Return a value that fits a line: of an object, its type and a checksum of its settings."""
    if isinstance(value, dict | list):
        checksum = zlib.crc32(repr(value).encode())
        name = value.get("type", "dict") if isinstance(value, dict) else "list"
        return f"{name} {checksum:08x}"
    return value


def plain_value(value: Any, seen: tuple[int, ...] = (), parts: list[Any] | None = None) -> Any:
    """Return a value as text, numbers, lists and dicts that are the same in every process.

    Functions are described by their names and the values that they close over, which is where
    optimisers and tasks keep their settings. A value inside itself is left out.

    Args:
        value: what to describe.
        seen: identities of the values around it.
        parts: receives the classes and functions that are described by their names.
    """
    if id(value) in seen:
        return "..."
    parts = [] if parts is None else parts
    inside = functools.partial(plain_value, seen=(*seen, id(value)), parts=parts)
    if part := _named_part(value):
        parts.append(part)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): inside(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _described(value, _fields(value), inside)
    if isinstance(value, list | tuple):
        return [inside(item) for item in value]
    if isinstance(value, functools.partial):
        return [inside(value.func), inside(value.args), inside(value.keywords)]
    if isinstance(value, np.ndarray | jax.Array):
        return _array_text(value)
    if callable(value) and hasattr(value, "__closure__"):
        cells = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        return [_qualified_name(value), *map(inside, cells)] if cells else _qualified_name(value)
    if type(value).__module__.startswith("components.environments."):
        return _described(value, _own_attributes(value), inside)
    return _qualified_name(value if isinstance(value, type) else type(value))


def _named_part(value: Any) -> Any:
    """Return the class or function that a value is, or else the class that it is of."""
    is_named = isinstance(value, type) or hasattr(value, "__qualname__")
    part = value if is_named else type(value)
    return part if hasattr(part, "__module__") and part.__module__ != "builtins" else None


def _fields(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _own_attributes(value: Any) -> dict[str, Any]:
    """Return what an object was made with, without the properties that it has computed since."""
    kinds = {name: getattr(type(value), name, None) for name in vars(value)}
    computed = {n for n, kind in kinds.items() if isinstance(kind, functools.cached_property)}
    return {name: item for name, item in vars(value).items() if name not in computed}


def _described(value: Any, attributes: Mapping[str, Any], inside: Any) -> dict[str, Any]:
    return {"type": _qualified_name(type(value)), **{n: inside(a) for n, a in attributes.items()}}


def _array_text(array: Any) -> str:
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    numbers = np.asarray(array)
    return f"{numbers.dtype}{numbers.shape} {zlib.crc32(numbers.tobytes()):08x}"


def _qualified_name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', repr(type(thing)))}"

"""Limits, in a test, how often JAX traces a function."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import chex
import equinox as eqx
import pytest


@contextmanager
def limited_traces(module: ModuleType, **limits: int) -> Iterator[None]:
    """Fail where a function is traced more often within a `with` block, or never called.

    Args:
        module: where the functions are looked up.
        limits: how often each may be traced, by its name there.
    """
    chex.clear_trace_counter()
    called = set()
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(module, name, _limited(name, getattr(module, name), limit, called))
        yield
    assert called == limits.keys()


def _limited(name, function, limit, called):
    """The same function; compiled if it was, with the limit inside of what is compiled."""
    plain = getattr(function, "__wrapped__", function)
    counted = chex.assert_max_traces(plain, n=limit)

    @functools.wraps(plain)
    def limited(*args, **kwargs):
        called.add(name)
        return counted(*args, **kwargs)

    return limited if plain is function else eqx.filter_jit(limited)

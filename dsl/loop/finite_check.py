"""Finds arrays and metrics that are not finite, and names the first one."""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from dsl.loop.named_leaves import leaves_by_name

FiniteFlags = dict[str, Bool[Array, ""]]


class NonFiniteError(Exception):
    """A number of training is NaN or infinite."""


def finite_flags(tree: PyTree) -> FiniteFlags:
    """Return, by name, whether each floating-point array of a tree is finite throughout."""
    return {
        name: jnp.isfinite(leaf).all()
        for name, leaf in leaves_by_name(tree).items()
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    }


def require_finite(metrics: Mapping[str, float], flags: Mapping[str, Any], epoch: int) -> None:
    """Refuse metrics, and then arrays, that are not finite.

    Args:
        metrics: by name.
        flags: the result of `finite_flags`.
        epoch: the epoch they come from.

    Raises:
        NonFiniteError: names the first bad one and the epoch.
    """
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"{name} became {value} in epoch {epoch}.")
    for name, is_finite in flags.items():
        if not is_finite:
            raise NonFiniteError(f"{name} holds numbers that are not finite in epoch {epoch}.")

"""Which arrays hold only finite numbers, and what the first one that does not is called."""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from dsl.loop.named_leaves import by_name

Finite = dict[str, Bool[Array, ""]]


class NonFiniteError(Exception):
    """A number of training is NaN or infinite."""


def finite(tree: PyTree) -> Finite:
    """For every floating-point array of a tree, by its name there: whether all of it is finite."""
    return {
        name: jnp.isfinite(leaf).all()
        for name, leaf in by_name(tree).items()
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    }


def require_finite(metrics: Mapping[str, float], arrays: Mapping[str, Any], epoch: int) -> None:
    """Refuse metrics, and then arrays, that are not finite.

    Args:
        metrics: by name.
        arrays: what `finite` returned.
        epoch: where it was found.

    Raises:
        NonFiniteError: names the first bad one and the epoch.
    """
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"{name} became {value} in epoch {epoch}.")
    for name, good in arrays.items():
        if not good:
            raise NonFiniteError(f"{name} holds numbers that are not finite in epoch {epoch}.")

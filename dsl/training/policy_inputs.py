"""Checks the states and goals that a loaded policy is called with."""

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from components.env_dims import EnvDims

ArrayLike: TypeAlias = Any  # arrays of NumPy and JAX, traced ones too, and nested lists of numbers


def match_inputs(
    states: ArrayLike, goals: ArrayLike, dims: EnvDims
) -> tuple[Float[Array, "*b n"], Float[Array, "*b g"]]:
    """Return states and goals as float32 with the same batch axes.

    Raises:
        ValueError: their shapes do not fit, or a number is not finite.
    """
    states, goals = _read_floats("states", states), _read_floats("goals", goals)
    batch = _batch_shape(states.shape, goals.shape, dims)
    _require_finite("states", states)
    _require_finite("goals", goals)
    return (
        jnp.broadcast_to(states, (*batch, dims.state)),
        jnp.broadcast_to(goals, (*batch, dims.goal)),
    )


def _read_floats(name: str, values: ArrayLike) -> Array:
    try:
        array = values if hasattr(values, "dtype") else np.asarray(values)
    except ValueError as error:  # nested lists of different lengths
        raise ValueError(f"{name} are not an array of numbers: {error}") from error
    if not any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool)):
        raise ValueError(f"{name} are of type {array.dtype}; pass real numbers.")
    with np.errstate(over="ignore"):  # too large becomes infinite, and is refused as such
        return jnp.asarray(array, jnp.float32)


def _batch_shape(states: tuple[int, ...], goals: tuple[int, ...], dims: EnvDims) -> tuple[int, ...]:
    asked = f"states are (..., {dims.state}), goals (..., {dims.goal}); got {states} and {goals}"
    if states[-1:] == (dims.state + dims.goal,):
        raise ValueError(f"{asked}. The goal is not part of the state here: pass it by itself.")
    if states[-1:] != (dims.state,) or goals[-1:] != (dims.goal,):
        raise ValueError(f"{asked}.")
    try:
        return np.broadcast_shapes(states[:-1], goals[:-1])
    except ValueError as error:
        raise ValueError(
            f"{asked}, whose batches {states[:-1]} and {goals[:-1]} do not broadcast."
        ) from error


def _require_finite(name: str, values: Array) -> None:
    if isinstance(values, Tracer):  # has no values yet
        return
    found = np.argwhere(~np.isfinite(values))
    if len(found):
        index = tuple(map(int, found[0]))
        text = ", ".join(map(str, index))
        raise ValueError(
            f"{name}[{text}] is {np.asarray(values)[index]}: states and goals must be finite."
        )

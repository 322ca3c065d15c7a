"""Functions compiled once for all tests that call them."""

import functools

import jax


@functools.cache
def value_and_slope(objective):
    """Compiled once per objective and size."""
    return jax.jit(jax.value_and_grad(objective))

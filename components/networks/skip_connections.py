"""Computes residual connections within a loop over layers, whose program is the same for each."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from components.networks.stack_form import StackForm


def skipped(out: Array, skip: Array, layer: Array, form: StackForm) -> tuple[Array, Array]:
    """Return the stream after a layer, and the one that the next residual connection carries."""
    if not form.skip_every:
        return out, skip
    last = jax.lax.rem(layer, jnp.int32(form.skip_every)) == form.skip_every - 1
    h = jnp.where(last, skip + jnp.float32(form.branch_scale) * out, out)
    return h, jnp.where(last, h, skip)


def entered(carry: tuple[Array, Array], layer: Array, form: StackForm) -> tuple[Array, Array]:
    """Return the gradient by a layer's output, and that by its residual connection."""
    d, passed_over = carry
    if not form.skip_every:
        return d, passed_over
    last = jax.lax.rem(layer, jnp.int32(form.skip_every)) == form.skip_every - 1
    return (
        jnp.where(last, jnp.float32(form.branch_scale) * d, d),
        jnp.where(last, d, passed_over),
    )


def left(d: Array, passed_over: Array, layer: Array, form: StackForm) -> tuple[Array, Array]:
    """Return the gradient by a layer's input, and that by its residual connection."""
    if not form.skip_every:
        return d, passed_over
    first = jax.lax.rem(layer, jnp.int32(form.skip_every)) == 0
    return jnp.where(first, d + passed_over, d), passed_over

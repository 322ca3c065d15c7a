"""Computes a residual network and its derivative in plain JAX: a stack, alone or with its ends."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.networks import plain_stack
from components.networks.stack_form import Parameters, Saved, StackForm, xla_precision


def forward(
    x: Float[Array, "nets batch in"], parameters: Parameters, form: StackForm, unrolled: bool
) -> tuple[Float[Array, "nets batch out"], Saved]:
    """Return the output, and what `backward` needs, in the shapes that kernels save."""
    weights, vectors, *ends = parameters
    if not ends:
        return plain_stack.forward(x, weights, vectors, form, unrolled)
    *first, last, bias = ends
    h, z = _first_layer(form, x, *first)
    end, saved = plain_stack.forward(h, weights, vectors, form, unrolled)
    deviations = jnp.zeros(z.shape[:-1], jnp.float32)
    return _last_layer(form, end, last, bias), (*saved, x, z, deviations, end)


def backward(
    dy: Float[Array, "nets batch out"],
    parameters: Parameters,
    saved: Saved,
    form: StackForm,
    trained: bool,
    unrolled: bool,
) -> tuple[Array, ...]:
    """Return the gradient by the input and, if `trained`, by each of the parameters.

    Args:
        dy: gradient by the output.
        parameters: as in `forward`.
        saved: from `forward`.
        form: as in `forward`.
        trained: whether to compute the gradient by parameters.
        unrolled: whether the program has no loop.
    """
    weights, vectors, *ends = parameters
    pull = functools.partial(plain_stack.backward, form=form, trained=trained, unrolled=unrolled)
    if not ends:
        return pull(dy, weights, vectors, saved)
    *first, last, bias = ends
    *by_layer, x, _, _, end = saved
    d, *by_last = jax.vjp(functools.partial(_last_layer, form), end, last, bias)[1](dy)
    d, *by_stack = pull(d, weights, vectors, tuple(by_layer))
    output = lambda *arrays: _first_layer(form, *arrays)[0]  # noqa: E731
    dx, *by_first = jax.vjp(output, x, *first)[1](d)
    return dx, *((*by_stack, *by_first, *by_last) if trained else ())


def _first_layer(form: StackForm, x: Array, weight: Array, *vectors: Array) -> tuple[Array, Array]:
    """Return the layer's output, and its normalised values."""
    v = jnp.stack(vectors, axis=1)
    z = _product(form, x, weight) + v[:, :1]
    z = plain_stack.normalised(z, v.shape[1])
    return form.activation(plain_stack.scaled(z, v)), z


def _last_layer(form: StackForm, h: Array, weight: Array, bias: Array) -> Array:
    return _product(form, h, weight) + bias[:, None]


def _product(form: StackForm, x: Array, weight: Array) -> Array:
    return jnp.einsum("nbi,nio->nbo", x, weight, precision=xla_precision(form.ends))

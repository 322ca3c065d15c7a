"""Computes a stack of residual layers and its derivative in plain JAX, the reference for kernels.

Gradients by weights are products over many layers at once, and what the backward pass keeps is
chosen here rather than by a policy, so that the stack can be unrolled as well as scanned.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.networks.layers import BLOCKS, LAYERS_PER_BLOCK
from components.networks.stack_form import EPSILON, Saved, StackForm, block_count, xla_precision

Step = Callable[[Array, Array], tuple[Array, tuple[Array, ...]]]


def forward(
    x: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    form: StackForm,
    unrolled: bool,
) -> tuple[Float[Array, "nets batch width"], Saved]:
    """Return the stack's output, and what `backward` needs."""

    def step(h: Array, block: Array) -> tuple[Array, tuple[Array, ...]]:
        out, inputs, dense = _block(h, _part(weights, block), _part(vectors, block), form)
        return out, _kept(h, inputs, dense, form)

    return _folded(step, x, block_count(weights), unrolled)


def backward(
    dy: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    saved: Saved,
    form: StackForm,
    trained: bool,
    unrolled: bool,
) -> tuple[Array, ...]:
    """Return the gradient by the input and, if `trained`, by weights and vectors.

    Args:
        dy: gradient by the output.
        weights: as in `forward`.
        vectors: as in `forward`.
        saved: from `forward`.
        form: as in `forward`.
        trained: whether to compute the gradient by weights and vectors.
        unrolled: whether the program has no loop.
    """

    def step(d: Array, block: Array) -> tuple[Array, tuple[Array, ...]]:
        w, v = _part(weights, block), _part(vectors, block)
        inputs, dense = _found_again(saved, block, w, v, form)
        d, dz, dn = _block_backward(d, dense, w, v, form)
        if not trained:
            return d, ()
        parts = inputs, dense, dz, dn
        return d, parts if unrolled else _by_parameters(parts, vectors.shape[2], form)

    dx, parts = _folded(step, dy, block_count(weights), unrolled, reverse=True)
    # One product and one sum for all layers: a kernel for each layer would take longer to start.
    return dx, *(_by_parameters(parts, vectors.shape[2], form) if trained and unrolled else parts)


def _folded(
    step: Step, carry: Array, blocks: int, unrolled: bool, reverse: bool = False
) -> tuple[Array, tuple[Array, ...]]:
    """Scan over blocks, and join their outputs (nets, layers of a block, ...) by layer."""
    numbers = jnp.arange(blocks, dtype=jnp.int32)
    if not unrolled:
        with jax.named_scope(BLOCKS):
            carry, outs = jax.lax.scan(step, carry, numbers, reverse=reverse)
        by_net = (jnp.moveaxis(out, 0, 1) for out in outs)
        return carry, tuple(o.reshape(o.shape[0], -1, *o.shape[3:]) for o in by_net)
    outs = []
    for block in reversed(range(blocks)) if reverse else range(blocks):
        carry, out = step(carry, jnp.int32(block))
        outs.append(out)
    outs = reversed(outs) if reverse else outs
    return carry, tuple(jnp.concatenate(o, axis=1) for o in zip(*outs, strict=True))


def _part(array: Array, block: Array, layers: int = LAYERS_PER_BLOCK) -> Array:
    """Return the layers of one block from an array (nets, layers, ...)."""
    return jax.lax.dynamic_slice_in_dim(array, block * layers, layers, axis=1)


def _block(
    h: Array, w: Array, v: Array, form: StackForm, dense: Array | None = None
) -> tuple[Array, Array, Array]:
    """Return a block's output, inputs of its layers, outputs of its dense layers.

    Outputs of dense layers are not computed again if `dense` gives them.
    """
    inputs, outputs, skip = [], [], h
    for i in range(LAYERS_PER_BLOCK):
        inputs.append(h.astype(form.product_type))
        outputs.append(_dense(h, w[:, i], v[:, i, :1], form) if dense is None else dense[:, i])
        z = _wide(outputs[-1])
        h = form.activation(scaled(normalised(z, v.shape[2]), v[:, i]))
        if form.skip_every and (i + 1) % form.skip_every == 0:
            h = skip = skip + jnp.float32(form.branch_scale) * h
    return h, jnp.stack(inputs, axis=1), jnp.stack(outputs, axis=1)


def _block_backward(
    d: Array, dense: Array, w: Array, v: Array, form: StackForm
) -> tuple[Array, Array, Array]:
    """Return gradients by a block's input, outputs of dense layers, inputs of activations."""
    dzs, dns, passed_over = [], [], d
    for i in reversed(range(LAYERS_PER_BLOCK)):
        if form.skip_every and (i + 1) % form.skip_every == 0:
            d, passed_over = jnp.float32(form.branch_scale) * d, d
        normalise = functools.partial(normalised, count=v.shape[2])
        z, pull = jax.vjp(normalise, _wide(dense[:, i]))
        (dn,) = jax.vjp(form.activation, scaled(z, v[:, i]))[1](d)
        (dz,) = pull(dn * v[:, i, 1:2] if v.shape[2] == 3 else dn)
        dzs.append(dz)
        dns.append(dn)
        d = _product("nbo,nio->nbi", dz, w[:, i], form)
        if form.skip_every and i % form.skip_every == 0:
            d = d + passed_over
    return d, jnp.stack(dzs[::-1], axis=1), jnp.stack(dns[::-1], axis=1)


def _by_parameters(parts: tuple[Array, ...], count: int, form: StackForm) -> tuple[Array, Array]:
    """Return the gradients by weights and vectors of some layers.

    Args:
        parts: inputs and outputs of dense layers, gradients by the outputs and by what activations
            receive, each (nets, layers, batch, width).
        count: vectors of a layer.
        form: of the stack.
    """
    inputs, dense, dz, dn = parts
    dw = _product("nlbi,nlbo->nlio", inputs, dz, form)
    by_vectors = (dz, dn * normalised(_wide(dense), count), dn)[:count]
    return dw, jnp.stack([jnp.sum(gradient, axis=2) for gradient in by_vectors], axis=2)


def _kept(h: Array, inputs: Array, dense: Array, form: StackForm) -> tuple[Array, ...]:
    """Return what is kept of one block for the backward pass."""
    if form.fused:  # as kernels save it; without the normalised values there is no deviation
        return inputs, dense, jnp.zeros(dense.shape[:-1], jnp.float32)
    return (h[:, None],) if form.keep == "block_inputs" else (h[:, None], dense)


def _found_again(
    saved: Saved, block: Array, w: Array, v: Array, form: StackForm
) -> tuple[Array, Array]:
    """Return inputs of a block's layers and outputs of its dense layers, from what was kept."""
    if form.fused:
        return _part(saved[0], block), _part(saved[1], block)
    h = _part(saved[0], block, 1)[:, 0]
    dense = _part(saved[1], block) if len(saved) == 2 else None
    _, inputs, dense = _block(h, w, v, form, dense)
    return inputs, dense


def _dense(h: Array, w: Array, bias: Array, form: StackForm) -> Array:
    return (_product("nbi,nio->nbo", h, w, form) + bias).astype(form.product_type)


def _wide(dense: Array) -> Array:
    return dense.astype(jnp.float32)


def normalised(z: Array, count: int) -> Array:
    """Apply LayerNorm without scale and offset, if a layer has vectors (`count`) for it."""
    if count == 1:
        return z
    centred = z - jnp.mean(z, axis=-1, keepdims=True)
    variance = jnp.mean(centred * centred, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + EPSILON)


def scaled(z: Array, v: Array) -> Array:
    """Return the activation's input: with LayerNorm, `z` scaled and shifted."""
    return z * v[:, 1:2] + v[:, 2:3] if v.shape[1] == 3 else z


def _product(subscripts: str, a: Array, b: Array, form: StackForm) -> Array:
    """Return a product in the form's precision, accumulated and returned in float32."""
    a, b = a.astype(form.product_type), b.astype(form.product_type)
    return jnp.einsum(
        subscripts,
        a,
        b,
        precision=xla_precision(form.precision),
        preferred_element_type=jnp.float32,
    )

"""A stack of residual layers and its derivative in plain JAX: what fused kernels are measured by.

Gradients by weights are products over many layers at once, and what the backward pass keeps is
chosen here rather than by a policy, so that the stack can be unrolled as well as scanned.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.networks.layers import LAYERS_PER_BLOCK
from components.networks.stack_form import EPSILON, Saved, StackForm, block_count

Step = Callable[[Array, Array], tuple[Array, tuple[Array, ...]]]


def forward(
    x: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    form: StackForm,
    unrolled: bool,
) -> tuple[Float[Array, "nets batch width"], Saved]:
    """The stack's output, and what `backward` needs."""

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
    """The gradient by the input and, where they are `trained`, by weights and vectors.

    Args:
        dy: gradient by the output.
        weights: as in `forward`.
        vectors: as in `forward`.
        saved: from `forward`.
        form: as in `forward`.
        trained: whether the gradient by weights and vectors is wanted.
        unrolled: whether there is no loop in the program.
    """

    def step(d: Array, block: Array) -> tuple[Array, tuple[Array, ...]]:
        w, v = _part(weights, block), _part(vectors, block)
        inputs, dense = _found_again(saved, block, w, v, form)
        d, dz, dv = _block_backward(d, dense, w, v, form)
        if not trained:
            return d, ()
        return d, (inputs, dz, dv) if unrolled else (_by_weights(inputs, dz, form), dv)

    dx, parts = _folded(step, dy, block_count(weights), unrolled, reverse=True)
    if trained and unrolled:
        inputs, dz, dv = parts
        parts = _by_weights(inputs, dz, form), dv
    return dx, *parts


def _folded(
    step: Step, carry: Array, blocks: int, unrolled: bool, reverse: bool = False
) -> tuple[Array, tuple[Array, ...]]:
    """A scan over blocks whose outputs (nets, layers of a block, ...) are joined by layer."""
    numbers = jnp.arange(blocks, dtype=jnp.int32)
    if not unrolled:
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
    """What belongs to one block in an array (nets, layers, ...)."""
    return jax.lax.dynamic_slice_in_dim(array, block * layers, layers, axis=1)


def _block(
    h: Array, w: Array, v: Array, form: StackForm, dense: Array | None = None
) -> tuple[Array, Array, Array]:
    """Output of a block, inputs of its layers, outputs of its dense layers (taken where given)."""
    inputs, outputs, skip = [], [], h
    for i in range(LAYERS_PER_BLOCK):
        inputs.append(h.astype(form.product_type))
        outputs.append(_dense(h, w[:, i], v[:, i, :1], form) if dense is None else dense[:, i])
        h = _after_dense(outputs[-1].astype(jnp.float32), v[:, i, 1:], form)
        if form.skip_every and (i + 1) % form.skip_every == 0:
            h = skip = skip + jnp.float32(form.branch_scale) * h
    return h, jnp.stack(inputs, axis=1), jnp.stack(outputs, axis=1)


def _block_backward(
    d: Array, dense: Array, w: Array, v: Array, form: StackForm
) -> tuple[Array, Array, Array]:
    """Gradients by a block's input, the outputs of its dense layers, and its vectors."""
    dzs, dvs, passed_over = [], [], d
    for i in reversed(range(LAYERS_PER_BLOCK)):
        if form.skip_every and (i + 1) % form.skip_every == 0:
            d, passed_over = jnp.float32(form.branch_scale) * d, d
        after = lambda z, norm: _after_dense(z, norm, form)  # noqa: E731
        dz, dnorm = jax.vjp(after, dense[:, i].astype(jnp.float32), v[:, i, 1:])[1](d)
        dzs.append(dz.astype(form.product_type))
        dvs.append(jnp.concatenate([jnp.sum(dz, axis=1, keepdims=True), dnorm], axis=1))
        d = _product("nbo,nio->nbi", dz, w[:, i], form)
        if form.skip_every and i % form.skip_every == 0:
            d = d + passed_over
    return d, jnp.stack(dzs[::-1], axis=1), jnp.stack(dvs[::-1], axis=1)


def _kept(h: Array, inputs: Array, dense: Array, form: StackForm) -> tuple[Array, ...]:
    """What the backward pass finds again of one block."""
    if form.fused:  # as kernels save it; without the normalised values there is no deviation
        return inputs, dense, jnp.zeros(dense.shape[:-1], jnp.float32)
    return (h[:, None],) if form.keep == "block_inputs" else (h[:, None], dense)


def _found_again(
    saved: Saved, block: Array, w: Array, v: Array, form: StackForm
) -> tuple[Array, Array]:
    """Inputs of a block's layers and outputs of its dense layers, from what was kept."""
    if form.fused:
        return _part(saved[0], block), _part(saved[1], block)
    h = _part(saved[0], block, 1)[:, 0]
    dense = _part(saved[1], block) if len(saved) == 2 else None
    _, inputs, dense = _block(h, w, v, form, dense)
    return inputs, dense


def _dense(h: Array, w: Array, bias: Array, form: StackForm) -> Array:
    return (_product("nbi,nio->nbo", h, w, form) + bias).astype(form.product_type)


def _after_dense(z: Array, norm: Array, form: StackForm) -> Array:
    """LayerNorm where there is a scale and an offset, then the activation."""
    if norm.shape[1]:
        centred = z - jnp.mean(z, axis=-1, keepdims=True)
        variance = jnp.mean(centred * centred, axis=-1, keepdims=True)
        z = centred * jax.lax.rsqrt(variance + EPSILON) * norm[:, :1] + norm[:, 1:]
    return form.activation(z)


def _by_weights(inputs: Array, dz: Array, form: StackForm) -> Array:
    return _product("nlbi,nlbo->nlio", inputs, dz, form)


def _product(subscripts: str, a: Array, b: Array, form: StackForm) -> Array:
    """A product in the form's precision, summed and given in float32."""
    a, b = a.astype(form.product_type), b.astype(form.product_type)
    return jnp.einsum(
        subscripts, a, b, precision=form.xla_precision, preferred_element_type=jnp.float32
    )

"""Runs a stack of residual layers as one GPU kernel forward and one backward (Pallas on Triton).

A program takes some rows of the batch through all layers and keeps them in registers. Products read
their left factor back from global memory in pieces, because registers cannot be indexed by a loop
and only loops of loads are pipelined; the backward pass needs these arrays anyway.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array, Float

from components.networks.skip_connections import entered, left, skipped
from components.networks.stack_form import EPSILON, Saved, StackForm

WIDTHS = (64, 128, 256, 512)  # Triton takes powers of two
ACTIVATIONS = (jax.nn.swish, jax.nn.relu, jax.nn.gelu)
_PIECE_BYTES = 2**15  # of weights that are loaded at once
_WHOLE = pl.BlockSpec(memory_space=pl.ANY)


def obstacle(form: StackForm, width: int) -> str | None:
    """Return why there is no kernel for a stack, or None."""
    if width not in WIDTHS:
        return f"takes widths of {', '.join(map(str, WIDTHS))} and not {width}"
    if form.activation not in ACTIVATIONS:
        return f"takes the activations swish, relu and gelu and not {form.activation}"
    return None if form.keep == "dense_outputs" else f"takes no keep={form.keep!r}"


def forward(
    x: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    form: StackForm,
) -> tuple[Float[Array, "nets batch width"], Saved]:
    """Return the stack's output, and what `backward` needs.

    Returns:
        The output, and (inputs of layers, normalised outputs of dense layers or the outputs
        themselves, inverse standard deviations): (nets, layers, batch, width) twice and
        (nets, layers, batch), of the last zeros without LayerNorm.
    """
    nets, batch, width = x.shape
    layers = weights.shape[1]
    rows = -batch % form.tile.rows + batch
    kept = jax.ShapeDtypeStruct((nets, layers, rows, width), form.product_type)
    deviations = jax.ShapeDtypeStruct((nets, layers, rows), jnp.float32)
    output = jax.ShapeDtypeStruct((nets, rows, width), jnp.float32)
    y, *saved = _call(_forward_kernel, (output, kept, kept, deviations), form, "stack_forward")(
        _to_rows(x, 1, rows), weights.astype(form.product_type), vectors
    )
    return y[:, :batch], tuple(s[:, :, :batch] for s in saved)


def backward(
    dy: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    saved: Saved,
    form: StackForm,
    trained: bool,
) -> tuple[Array, ...]:
    """Return the gradient by the input and, if `trained`, by weights and vectors.

    Args:
        dy: gradient by the output.
        weights: as in `forward`.
        vectors: as in `forward`.
        saved: from `forward`.
        form: as in `forward`.
        trained: whether to compute the gradient by weights and vectors.
    """
    batch = dy.shape[1]
    rows = -batch % form.tile.rows + batch
    inputs, normalised, deviations = (_to_rows(s, 2, rows) for s in saved)
    shapes = _backward_shapes(dy, vectors, rows, form, trained)
    dx, dz, *sums = _call(_backward_kernel, shapes, form, "stack_backward")(
        _to_rows(dy, 1, rows), weights.astype(form.product_type), vectors, normalised, deviations
    )
    if not trained:
        return (dx[:, :batch],)
    precision, dtype = form.xla_precision, jnp.float32
    dw = jnp.einsum(
        "nlbi,nlbo->nlio", inputs, dz, precision=precision, preferred_element_type=dtype
    )
    return dx[:, :batch], dw, jnp.sum(sums[0], axis=2)


def _backward_shapes(
    dy: Array, vectors: Array, rows: int, form: StackForm, trained: bool
) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Return the shapes of what the backward kernel writes, `rows` being a multiple of a tile."""
    nets, _, width = dy.shape
    layers, count = vectors.shape[1:3]
    by_input = jax.ShapeDtypeStruct((nets, rows, width), jnp.float32)
    by_outputs = jax.ShapeDtypeStruct((nets, layers, rows, width), form.product_type)
    sums = (nets, layers, rows // form.tile.rows, count, width)
    by_vectors = (jax.ShapeDtypeStruct(sums, jnp.float32),) if trained else ()
    return by_input, by_outputs, *by_vectors


def _to_rows(array: Array, axis: int, rows: int) -> Array:
    """Append zeros along an axis until it has `rows` entries."""
    missing = rows - array.shape[axis]
    if not missing:
        return array
    return jnp.pad(array, [(0, missing if i == axis else 0) for i in range(array.ndim)])


def _call(kernel: Callable, shapes: tuple, form: StackForm, name: str) -> Callable:
    """Return a call of the kernel over nets and tiles of the batch; it receives whole arrays."""
    nets, rows = shapes[0].shape[:2]
    return lambda *arrays: pl.pallas_call(
        functools.partial(kernel, form=form),
        out_shape=shapes,
        grid=(nets, rows // form.tile.rows),
        in_specs=[_WHOLE] * len(arrays),
        out_specs=[_WHOLE] * len(shapes),
        compiler_params=triton.CompilerParams(
            num_warps=form.tile.warps, num_stages=form.tile.stages
        ),
        interpret=form.interpret,
        name=name,
    )(*arrays)


def _forward_kernel(x, w, v, y, inputs, normalised, deviations, *, form: StackForm) -> None:
    """Compute the rows of one program through all layers."""
    net, tile = pl.program_id(0), pl.program_id(1)
    rows = pl.ds(tile * form.tile.rows, form.tile.rows)
    layers, count = v.shape[1:3]

    def layer(i, carry):
        h, skip = carry
        triton.store(inputs.at[net, i, rows, :], h.astype(inputs.dtype))
        _wait(form)
        z = _product(inputs, w, (net, i), rows, form) + _vector(v, net, i, 0)
        if count == 3:
            centred = z - jnp.mean(z, axis=1, keepdims=True)
            inverse = jax.lax.rsqrt(jnp.mean(centred * centred, axis=1) + EPSILON)
            triton.store(deviations.at[net, i, rows], inverse)
            z = centred * inverse[:, None]
        triton.store(normalised.at[net, i, rows, :], z.astype(normalised.dtype))
        out = form.activation(_scaled(z, v, net, i))
        return skipped(out, skip, i, form)

    start = triton.load(x.at[net, rows, :])
    end, _ = jax.lax.fori_loop(0, layers, layer, (start, start))
    triton.store(y.at[net, rows, :], end)


def _backward_kernel(dy, w, v, normalised, deviations, dx, dz, *sums, form: StackForm) -> None:
    """Propagate the gradients of one program's rows back through all layers."""
    net, tile = pl.program_id(0), pl.program_id(1)
    rows = pl.ds(tile * form.tile.rows, form.tile.rows)
    layers, count = v.shape[1:3]

    def layer(step, carry):
        i = layers - 1 - step
        d, passed_over = entered(carry, i, form)
        z = triton.load(normalised.at[net, i, rows, :]).astype(jnp.float32)
        (dn,) = jax.vjp(form.activation, _scaled(z, v, net, i))[1](d)
        d = dn
        if count == 3:
            d = dn * _vector(v, net, i, 1)
            d -= jnp.mean(d, axis=1, keepdims=True) + z * jnp.mean(d * z, axis=1, keepdims=True)
            d *= triton.load(deviations.at[net, i, rows])[:, None]
        triton.store(dz.at[net, i, rows, :], d.astype(dz.dtype))
        _wait(form)
        for total in sums:
            for j, gradient in enumerate((d, dn * z, dn)[:count]):
                triton.store(total.at[net, i, tile, jnp.int32(j)], jnp.sum(gradient, axis=0))
        d = _product(dz, w, (net, i), rows, form, transposed=True)
        return left(d, passed_over, i, form)

    end = triton.load(dy.at[net, rows, :])
    start, _ = jax.lax.fori_loop(0, layers, layer, (end, jnp.zeros_like(end)))
    triton.store(dx.at[net, rows, :], start)


def _wait(form: StackForm) -> None:
    """Make what a program's threads have stored visible to all of them."""
    if not form.interpret:
        triton.debug_barrier()


def _vector(v, net, layer, index: int) -> Float[Array, "1 width"]:
    return triton.load(v.at[net, layer, jnp.int32(index)])[None, :]


def _scaled(z: Float[Array, "rows width"], v, net, layer) -> Float[Array, "rows width"]:
    """Return the activation's input: with LayerNorm, `z` scaled and shifted."""
    return z * _vector(v, net, layer, 1) + _vector(v, net, layer, 2) if v.shape[2] == 3 else z


def _product(
    left, weights, layer: tuple, rows: Any, form: StackForm, transposed: bool = False
) -> Float[Array, "rows width"]:
    """Return `left @ weights` of one layer, or `left @ weights.T`, summed in pieces."""
    width = weights.shape[-1]
    piece = min(width, _PIECE_BYTES // (width * form.product_type.itemsize))

    def add(i, total):
        part = pl.ds(i * piece, piece)
        a = triton.load(left.at[*layer, rows, part])
        b = triton.load(
            weights.at[*layer, *((slice(None), part) if transposed else (part, slice(None)))]
        )
        contracted = ((1,), (1 if transposed else 0,))
        return total + jax.lax.dot_general(
            a,
            b,
            (contracted, ((), ())),
            precision=_kernel_precision(form),
            preferred_element_type=jnp.float32,
        )

    return jax.lax.fori_loop(
        0, width // piece, add, jnp.zeros((form.tile.rows, width), jnp.float32)
    )


def _kernel_precision(form: StackForm) -> jax.lax.Precision | jax.lax.DotAlgorithmPreset:
    if form.precision == "tf32x3" and not form.interpret:
        return jax.lax.DotAlgorithmPreset.TF32_TF32_F32_X3
    return form.xla_precision

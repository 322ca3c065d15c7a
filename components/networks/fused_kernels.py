"""Defines the kernels of `fused_stack`: what one program computes, from references to whole arrays.

A program takes some rows of the batch through all layers and keeps them in registers. Products read
their left factor back from global memory in pieces, because registers cannot be indexed by a loop
and only loops of loads are pipelined; the backward pass needs these arrays anyway.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array, Float

from components.networks.skip_connections import entered, left, skipped
from components.networks.stack_form import EPSILON, StackForm, xla_precision

WIDEST_PRODUCT = 256  # columns; of the outer layers, wider ones are computed part by part
_PIECE_BYTES = 2**15  # of weights that are loaded at once
_ALL = slice(None)


class Place(NamedTuple):
    """A part of an array: a reference to the array, and an index of its leading axes."""

    array: Any
    index: tuple

    def load(self, *rest: Any) -> Array:
        """Return what is there."""
        return triton.load(self.array.at[*self.index, *rest])

    def store(self, value: Array, *rest: Any) -> None:
        """Write what belongs there, in the type of the array."""
        triton.store(self.array.at[*self.index, *rest], value.astype(self.array.dtype))


def forward(received: Sequence, returned: Sequence, form: StackForm) -> None:
    """Compute the rows of one program through all layers.

    Args:
        received: references to x and the parameters.
        returned: references to what `fused_stack.forward` returns, without x.
        form: of the stack.
    """
    x, w, v, *ends = received
    y, inputs, normalised, deviations, *saved = returned
    net, tile = pl.program_id(0), pl.program_id(1)
    rows = pl.ds(tile * form.tile.rows, form.tile.rows)
    start = Place(x, (net, rows))
    if ends:
        first, *first_vectors, last, bias = ends
        z = _product(start, Place(first, (net,)), form.ends, form)
        vectors = [Place(vector, (net,)) for vector in first_vectors]
        h = _layer_output(z, vectors, [Place(array, (net, rows)) for array in saved[:2]], form)
    else:
        h = start.load(_ALL)

    def layer(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        h, skip = carry
        factor = _written(Place(inputs, (net, i, rows)), h, form)
        z = _product(factor, Place(w, (net, i)), form.precision, form)
        kept = [Place(array, (net, i, rows)) for array in (normalised, deviations)]
        return skipped(_layer_output(z, _vectors(v, net, i), kept, form), skip, i, form)

    h, _ = jax.lax.fori_loop(0, w.shape[1], layer, (h, h))
    if not ends:
        Place(y, (net, rows)).store(h, _ALL)
        return
    factor, offset = _written(Place(saved[2], (net, rows)), h, form), Place(bias, (net,))
    _store_product(Place(y, (net, rows)), factor, Place(last, (net,)), form, bias=offset)


def backward(received: Sequence, returned: Sequence, form: StackForm) -> None:
    """Propagate the gradients of one program's rows back through all layers.

    Args:
        received: references to the gradient by the output, the parameters, and what was saved of
            the stack's layers and, with `form.ends`, of the first: normalised values and inverse
            deviations.
        returned: references to the gradients by x and by outputs of dense layers, in the stack and,
            with ends, in the first layer; then, if parameters are trained, to the sums over each
            program's rows of the gradients by vectors, those of the first layer before those of the
            stack, and by the last layer's bias.
        form: of the stack.
    """
    dy, w, v, *rest = received
    ends, saved = (rest[:-4], rest[-4:]) if form.ends else ([], rest)
    dx, dz, *rest = returned
    dz_first, *sums = rest if form.ends else (None, *rest)
    net, tile = pl.program_id(0), pl.program_id(1)
    rows = pl.ds(tile * form.tile.rows, form.tile.rows)
    start = Place(dy, (net, rows))
    d = start.load(_ALL)

    def totals(i: Any) -> list[Place]:
        count = v.shape[2] if sums else 0
        return [Place(sums[0], (net, i, jnp.int32(j), tile)) for j in range(count)]

    def layer(step: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        i = w.shape[1] - 1 - step
        d, passed_over = entered(carry, i, form)
        kept = [Place(array, (net, i, rows)) for array in saved[:2]]
        number = i + 1 if form.ends else i
        d = _through_layer(d, _vectors(v, net, i), kept, totals(number), form)
        factor = _written(Place(dz, (net, i, rows)), d, form)
        d = _product(factor, Place(w, (net, i)), form.precision, form, transposed=True)
        return left(d, passed_over, i, form)

    if ends:
        first, *first_vectors, last, _ = ends
        if sums:
            Place(sums[1], (net, tile)).store(jnp.sum(d, axis=0), _ALL)
        d = _product(start, Place(last, (net,)), form.ends, form, transposed=True)
    d, _ = jax.lax.fori_loop(0, w.shape[1], layer, (d, jnp.zeros_like(d)))
    if not ends:
        Place(dx, (net, rows)).store(d, _ALL)
        return
    vectors = [Place(vector, (net,)) for vector in first_vectors]
    kept = [Place(array, (net, rows)) for array in saved[2:]]
    d = _through_layer(d, vectors, kept, totals(jnp.int32(0)), form)
    factor = _written(Place(dz_first, (net, rows)), d, form)
    _store_product(Place(dx, (net, rows)), factor, Place(first, (net,)), form, transposed=True)


def _written(place: Place, value: Array, form: StackForm) -> Place:
    """Write a factor of a product where all threads of the program see it, and return the place."""
    place.store(value, _ALL)
    if not form.interpret:
        triton.debug_barrier()
    return place


def _vectors(v: Any, net: Array, layer: Array) -> list[Place]:
    """Return where the vectors of a layer are."""
    return [Place(v, (net, layer, jnp.int32(i))) for i in range(v.shape[2])]


def _layer_output(
    z: Float[Array, "rows width"],
    vectors: list[Place],
    kept: list[Place],
    form: StackForm,
) -> Float[Array, "rows width"]:
    """Return the output of a layer from its matrix product.

    Args:
        z: the product.
        vectors: the bias and, with LayerNorm, scale and offset.
        kept: places for normalised values and inverse standard deviations.
        form: of the stack.
    """
    bias, *scaling = vectors
    normalised, deviations = kept
    z = z + bias.load(_ALL)[None, :]
    if scaling:
        centred = z - jnp.mean(z, axis=1, keepdims=True)
        inverse = jax.lax.rsqrt(jnp.mean(centred * centred, axis=1) + EPSILON)
        deviations.store(inverse)
        z = centred * inverse[:, None]
    normalised.store(z, _ALL)
    return form.activation(_scaled(z, scaling))


def _through_layer(
    d: Float[Array, "rows width"],
    vectors: list[Place],
    kept: list[Place],
    totals: list[Place],
    form: StackForm,
) -> Float[Array, "rows width"]:
    """Return the gradient by a layer's matrix product.

    Args:
        d: gradient by the layer's output.
        vectors: as in `_layer_output`.
        kept: as in `_layer_output`.
        totals: places for the gradients by the vectors, if they are wanted.
        form: of the stack.
    """
    normalised, deviations = kept
    z, scaling = normalised.load(_ALL).astype(jnp.float32), vectors[1:]
    (dn,) = jax.vjp(form.activation, _scaled(z, scaling))[1](d)
    d = dn
    if scaling:
        d = dn * scaling[0].load(_ALL)[None, :]
        d -= jnp.mean(d, axis=1, keepdims=True) + z * jnp.mean(d * z, axis=1, keepdims=True)
        d *= deviations.load()[:, None]
    for total, gradient in zip(totals, (d, dn * z, dn), strict=False):
        total.store(jnp.sum(gradient, axis=0), _ALL)
    return d


def _scaled(z: Float[Array, "rows width"], scaling: list[Place]) -> Float[Array, "rows width"]:
    """Return the activation's input: with LayerNorm, `z` scaled and shifted."""
    if not scaling:
        return z
    scale, offset = (vector.load(_ALL)[None, :] for vector in scaling)
    return z * scale + offset


def _product(
    left: Place,
    right: Place,
    precision: str | None,
    form: StackForm,
    transposed: bool = False,
    columns: Any = None,
) -> Float[Array, "rows columns"]:
    """Return `left @ right` or `left @ right.T`, summed in pieces.

    Args:
        left: rows of an array.
        right: a matrix.
        precision: of the product.
        form: of the stack.
        transposed: whether the right factor is transposed.
        columns: those of the product that are wanted; None for all.
    """
    inner, outer = reversed(right.array.shape[-2:]) if transposed else right.array.shape[-2:]
    columns = pl.ds(0, outer) if columns is None else columns
    piece = min(inner, _PIECE_BYTES // (columns.size * right.array.dtype.itemsize))

    def add(i: Array, total: Array) -> Array:
        part = pl.ds(i * piece, piece)
        factor = right.load(columns, part) if transposed else right.load(part, columns)
        contracted = ((1,), (1 if transposed else 0,))
        return total + jax.lax.dot_general(
            left.load(part),
            factor,
            (contracted, ((), ())),
            precision=_kernel_precision(precision, form),
            preferred_element_type=jnp.float32,
        )

    start = jnp.zeros((form.tile.rows, columns.size), jnp.float32)
    return jax.lax.fori_loop(0, inner // piece, add, start)


def _store_product(
    target: Place,
    left: Place,
    right: Place,
    form: StackForm,
    transposed: bool = False,
    bias: Place | None = None,
) -> None:
    """Write the product with an outer layer's weights, part by part, bias added.

    Args:
        target: rows of an array.
        left: as in `_product`.
        right: as in `_product`.
        form: of the stack.
        transposed: as in `_product`.
        bias: what is added to every row, or None.
    """
    outer = right.array.shape[-2 if transposed else -1]
    width = min(outer, WIDEST_PRODUCT)

    def part(i: Array, carry: None) -> None:
        columns = pl.ds(i * width, width)
        out = _product(left, right, form.ends, form, transposed, columns)
        target.store(out if bias is None else out + bias.load(columns)[None, :], columns)
        return carry

    jax.lax.fori_loop(0, outer // width, part, None)


def _kernel_precision(
    precision: str | None, form: StackForm
) -> jax.lax.Precision | jax.lax.DotAlgorithmPreset:
    if precision == "tf32x3" and not form.interpret:
        return jax.lax.DotAlgorithmPreset.TF32_TF32_F32_X3
    return xla_precision(precision)

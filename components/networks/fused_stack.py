"""Runs a residual network as one GPU kernel forward and one backward (Pallas on Triton)."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array, Float

from components.networks import fused_kernels
from components.networks.kernel_arrays import (
    array_of_nets,
    pad_to_rows,
    padded_rows,
    weight_gradient,
)
from components.networks.stack_form import Parameters, Saved, StackForm

WIDTHS = (64, 128, 256, 512)  # Triton takes powers of two
ACTIVATIONS = (jax.nn.swish, jax.nn.relu, jax.nn.gelu)
_LEAST_SIZE = 16  # of what a matrix product takes
_WHOLE = pl.BlockSpec(memory_space=pl.ANY)


def obstacle(form: StackForm, width: int) -> str | None:
    """Return why there is no kernel for a network, or None."""
    if width not in WIDTHS:
        return f"takes widths of {', '.join(map(str, WIDTHS))} and not {width}"
    if form.activation not in ACTIVATIONS:
        return f"takes the activations swish, relu and gelu and not {form.activation}"
    return None if form.keep == "dense_outputs" else f"takes no keep={form.keep!r}"


def padded_size(size: int) -> int:
    """Return the least number of inputs or outputs, at least `size`, that kernels take."""
    return max(_LEAST_SIZE, 2 ** (size - 1).bit_length())


# Where an update computes the same twice, as the embeddings of goals for critic and actor, XLA sees
# it only if both calls are lowered once, as those of one compiled function are.
@functools.partial(jax.jit, static_argnames="form")
def forward(
    x: Float[Array, "nets batch in"], parameters: Parameters, form: StackForm
) -> tuple[Float[Array, "nets batch out"], Saved]:
    """Return the network's output, and what `backward` needs.

    Args:
        x: input; its size and that of the output are `padded_size` of something.
        parameters: of the network.
        form: everything else.

    Returns:
        The output, and what is saved: inputs of the stack's layers and normalised outputs of their
        dense layers or the outputs themselves (nets, layers, batch, width), inverse standard
        deviations (nets, layers, batch), of the last zeros without LayerNorm; with `form.ends` also
        x, the same two arrays of the first layer, and the input of the last (nets, batch, ...).
    """
    (nets, batch, _), (layers, width) = x.shape, parameters[0].shape[1:3]
    rows = padded_rows(batch, form)
    array = functools.partial(array_of_nets, nets)
    kept = array(layers, rows, width, dtype=form.product_type)
    by_layer = kept, kept, array(layers, rows)
    ends = (array(rows, width), array(rows), array(rows, width)) if form.ends else ()
    outputs = array(rows, parameters[-1].shape[-1]), *by_layer, *ends
    y, *saved = _call(fused_kernels.forward, outputs, form, "stack_forward")(
        pad_to_rows(x, 1, rows), *_as_factors(parameters, form)
    )
    kept_of_stack = tuple(s[:, :, :batch] for s in saved[:3])
    kept_of_ends = (x, *(s[:, :batch] for s in saved[3:])) if form.ends else ()
    return y[:, :batch], (*kept_of_stack, *kept_of_ends)


def backward(
    dy: Float[Array, "nets batch out"],
    parameters: Parameters,
    saved: Saved,
    form: StackForm,
    trained: bool,
) -> tuple[Array, ...]:
    """Return the gradient by the input and, if `trained`, by each of the parameters.

    Args:
        dy: gradient by the output.
        parameters: as in `forward`.
        saved: from `forward`.
        form: as in `forward`.
        trained: whether to compute the gradient by parameters.
    """
    batch = dy.shape[1]
    rows = padded_rows(batch, form)
    inputs, *of_layers = (pad_to_rows(s, 2, rows) for s in saved[:3])
    dy, *outer = (pad_to_rows(s, 1, rows) for s in (dy, *saved[3:]))
    x, *of_first, end = outer if form.ends else (dy, dy)
    shapes = _backward_shapes(x, parameters, form, trained)
    dx, dz, *rest = _call(fused_kernels.backward, shapes, form, "stack_backward")(
        dy, *_as_factors(parameters, form), *of_layers, *of_first
    )
    dx = dx[:, :batch]
    if not trained:
        return (dx,)
    dw = weight_gradient("nlbi,nlbo->nlio", inputs, dz, form.precision)
    if not form.ends:
        return dx, dw, jnp.sum(rest[0], axis=-2)
    dz_first, by_vectors, by_bias = rest[0], *(jnp.sum(total, axis=-2) for total in rest[1:])
    return (
        *(dx, dw, by_vectors[:, 1:]),
        weight_gradient("nbi,nbo->nio", x, dz_first, form.ends),
        *jnp.unstack(by_vectors[:, 0], axis=1),
        weight_gradient("nbi,nbo->nio", end, dy, form.ends),
        by_bias,
    )


def _backward_shapes(
    x: Array, parameters: Parameters, form: StackForm, trained: bool
) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Return the shapes of what the backward kernel writes, for inputs of whole tiles."""
    (nets, rows, inputs), (layers, count, width) = x.shape, parameters[1].shape[1:]
    array, tiles = functools.partial(array_of_nets, nets), rows // form.tile.rows
    dz = array(layers, rows, width, dtype=form.product_type)
    if not form.ends:
        sums = (array(layers, count, tiles, width),) if trained else ()
        return array(rows, width), dz, *sums
    scratch = array(rows, inputs), dz, array(rows, width)
    if not trained:
        return scratch
    by_vectors = array(1 + layers, count, tiles, width)  # the first layer's before the stack's
    return *scratch, by_vectors, array(tiles, parameters[-1].shape[-1])


def _as_factors(parameters: Parameters, form: StackForm) -> Parameters:
    """Return the parameters with the stack's weights in the type of its products."""
    weights, *rest = parameters
    return weights.astype(form.product_type), *rest


def _call(kernel: Callable, shapes: tuple, form: StackForm, name: str) -> Callable:
    """Return a call of the kernel over nets and tiles of the batch; it receives whole arrays."""
    nets, rows = shapes[0].shape[:2]

    def call(*arrays: Array) -> Any:
        def split(*refs: Any) -> None:
            kernel(refs[: len(arrays)], refs[len(arrays) :], form)

        return pl.pallas_call(
            split,
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

    return call

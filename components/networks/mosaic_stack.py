"""Runs a stack of residual layers as one kernel per pass on Hopper GPUs (Pallas on Mosaic GPU).

As in `fused_stack`, a program takes some rows of the batch through all layers. Here weights arrive
in shared memory while other layers are computed, and products are those of a whole warpgroup:
`mosaic_team` describes how the warpgroups of a program work together.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.experimental.pallas import mosaic_gpu
from jaxtyping import Array, Float

from components.networks import mosaic_kernels
from components.networks.fused_stack import ACTIVATIONS
from components.networks.kernel_arrays import (
    array_of_nets,
    pad_to_rows,
    padded_rows,
    weight_gradient,
)
from components.networks.mosaic_memory import COMPUTING, scratch_types
from components.networks.mosaic_team import rounded
from components.networks.stack_form import Saved, StackForm
from components.target_devices import target_devices

WIDTHS = (128, 256, 384, 512)
PRECISIONS = ("tf32", "bfloat16")
_HOPPER = "9.0"


def obstacle(form: StackForm, width: int) -> str | None:
    """Return why there is no kernel for a stack on the target devices, or None."""
    if any(_generation(device) != _HOPPER for device in target_devices()):
        return "needs Hopper GPUs, such as an H100"
    if width not in WIDTHS:
        return f"takes widths of {', '.join(map(str, WIDTHS))} and not {width}"
    if form.activation not in ACTIVATIONS:
        return f"takes the activations swish, relu and gelu and not {form.activation}"
    if form.precision not in PRECISIONS:
        return f"takes products in tf32 and bfloat16 and not in {form.precision}"
    return None if form.keep == "dense_outputs" else f"takes no keep={form.keep!r}"


def forward(
    x: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    form: StackForm,
) -> tuple[Float[Array, "nets batch width"], Saved]:
    """Return the stack's output, and what `backward` needs.

    Args:
        x: input of the stack.
        weights: of dense layers.
        vectors: biases of dense layers and, with LayerNorm, scales and offsets.
        form: everything else.

    Returns:
        The output, and what is saved: inputs of layers and normalised outputs of dense layers or
        the outputs themselves (nets, layers, batch, width), and inverse standard deviations (nets,
        layers, batch), which without LayerNorm are zeros.
    """
    nets, batch, width = x.shape
    layers, count = vectors.shape[1:3]
    rows = padded_rows(batch, form)
    array = functools.partial(array_of_nets, nets)
    shapes = (
        array(width, rows),
        array(layers, rows, width, dtype=form.product_type),
        array(layers, width, rows, dtype=form.product_type),
        array(layers, COMPUTING, rows),
    )
    y, inputs, normalised, deviations = _call(mosaic_kernels.forward, shapes, form)(
        pad_to_rows(x.mT, 2, rows), rounded(weights.mT, form), vectors
    )
    inverse = deviations[:, :, 0] if count == 3 else jnp.zeros((nets, layers, rows), jnp.float32)
    saved = inputs, normalised.mT, inverse
    return y.mT[:, :batch], tuple(s[:, :, :batch] for s in saved)


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
    nets, batch, width = dy.shape
    layers, count = vectors.shape[1:3]
    rows = padded_rows(batch, form)
    inputs, normalised, deviations = (pad_to_rows(s, 2, rows) for s in saved)
    array = functools.partial(array_of_nets, nets)
    sums = array(layers, rows // form.tile.rows, count, width)
    by_outputs = array(layers, rows, width, dtype=form.product_type)
    shapes = array(width, rows), by_outputs, *((sums,) if trained else ())
    dx, dz, *sums = _call(mosaic_kernels.backward, shapes, form)(
        pad_to_rows(dy.mT, 2, rows), rounded(weights, form), vectors, normalised.mT, deviations
    )
    dx = dx.mT[:, :batch]
    if not trained:
        return (dx,)
    dw = weight_gradient("nlbi,nlbo->nlio", inputs, dz, form.precision)
    return dx, dw, jnp.sum(sums[0], axis=2)


def _generation(device: Any) -> str | None:
    """Return what NVIDIA calls the compute capability of a GPU, or None."""
    return getattr(device, "compute_capability", None)


def _call(kernel: Callable, shapes: tuple, form: StackForm) -> Callable[..., Any]:
    """Return a call of the kernel over nets and tiles of the batch; it receives whole arrays."""
    nets, width, rows = shapes[0].shape
    return mosaic_gpu.kernel(
        functools.partial(kernel, form=form),
        out_type=shapes,
        scratch_types=scratch_types(width, form),
        grid=(nets, rows // form.tile.rows),
        grid_names=("net", "tile"),
        num_threads=COMPUTING + 1,
        thread_name="group",
        compiler_params=mosaic_gpu.CompilerParams(
            # No thread both reads and writes the same numbers, except asynchronously.
            unsafe_no_auto_barriers=True,
            # As layouts are given here; later versions of JAX would find their own.
            lowering_semantics=mosaic_gpu.LoweringSemantics.Lane,
        ),
        kernel_name=f"stack_{kernel.__name__}",
    )

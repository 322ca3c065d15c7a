"""Runs fused stacks on several GPUs, each of which has its share of the batch.

XLA cannot divide a kernel: left alone it would gather the whole batch on every device.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from components.networks import fused_stack
from components.networks.stack_form import Saved, StackForm


def forward(
    x: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    form: StackForm,
) -> tuple[Float[Array, "nets batch width"], Saved]:
    """Return what `fused_stack.forward` does, on the devices of `form.mesh`."""

    def run(x: Array, weights: Array, vectors: Array) -> tuple[Array, Saved]:
        return _kernels(form).forward(x, weights, vectors, form)

    by_example, saved, whole = _specs(form)
    return _per_device(run, form, x, (by_example, whole, whole), (by_example, (saved,) * 3))(
        x, weights, vectors
    )


def backward(
    dy: Float[Array, "nets batch width"],
    weights: Float[Array, "nets layers width width"],
    vectors: Float[Array, "nets layers v width"],
    saved: Saved,
    form: StackForm,
    trained: bool,
) -> tuple[Array, ...]:
    """Return what `fused_stack.backward` does; gradients by parameters are summed over devices."""
    shared = _is_shared(form, dy)

    def run(dy: Array, weights: Array, vectors: Array, saved: Saved) -> tuple[Array, ...]:
        dx, *sums = _kernels(form).backward(dy, weights, vectors, saved, form, trained)
        return dx, *(jax.lax.psum(sums, _axis(form)) if shared else sums)

    by_example, by_layer, whole = _specs(form)
    results = (by_example, *[whole] * (2 * trained))
    return _per_device(run, form, dy, (by_example, whole, whole, by_layer), results)(
        dy, weights, vectors, saved
    )


def _kernels(form: StackForm) -> ModuleType:
    if form.pallas == "triton":
        return fused_stack
    from components.networks import mosaic_stack  # importing Mosaic GPU takes a fifth of a second

    return mosaic_stack


def _per_device(
    function: Callable[..., Any], form: StackForm, examples: Array, in_specs: Any, out_specs: Any
) -> Callable[..., Any]:
    """Apply `function` to the shard of each device, if there are several with equal shares."""
    if not _is_shared(form, examples):
        return function
    # What varies over devices is not known of a kernel's outputs.
    return jax.shard_map(
        function, mesh=form.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )


def _is_shared(form: StackForm, examples: Float[Array, "nets batch width"]) -> bool:
    return form.mesh is not None and examples.shape[1] % form.mesh.size == 0


def _specs(form: StackForm) -> tuple[PartitionSpec, PartitionSpec, PartitionSpec]:
    """Return how arrays (nets, batch, ...), (nets, layers, batch, ...) and parameters are split."""
    axis = _axis(form)
    return PartitionSpec(None, axis), PartitionSpec(None, None, axis), PartitionSpec()


def _axis(form: StackForm) -> str | None:
    return None if form.mesh is None else form.mesh.axis_names[0]

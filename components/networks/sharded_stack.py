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
from components.networks.stack_form import Parameters, Saved, StackForm


def forward(
    x: Float[Array, "nets batch in"], parameters: Parameters, form: StackForm
) -> tuple[Float[Array, "nets batch out"], Saved]:
    """Return what `fused_stack.forward` does, on the devices of `form.mesh`."""

    def run(x: Array, parameters: Parameters) -> tuple[Array, Saved]:
        if form.pallas == "triton":
            return fused_stack.forward(x, parameters, form)
        return _mosaic().forward(x, *parameters, form)

    by_example, saved = _split_at(1, form), _saved_specs(form)
    return _per_device(run, form, x, (by_example, PartitionSpec()), (by_example, saved))(
        x, parameters
    )


def backward(
    dy: Float[Array, "nets batch out"],
    parameters: Parameters,
    saved: Saved,
    form: StackForm,
    trained: bool,
) -> tuple[Array, ...]:
    """Return what `fused_stack.backward` does; gradients by parameters are summed over devices."""
    shared = _is_shared(form, dy)

    def run(dy: Array, parameters: Parameters, saved: Saved) -> tuple[Array, ...]:
        if form.pallas == "triton":
            dx, *sums = fused_stack.backward(dy, parameters, saved, form, trained)
        else:
            dx, *sums = _mosaic().backward(dy, *parameters, saved, form, trained)
        return dx, *(jax.lax.psum(sums, _axis(form)) if shared else sums)

    by_example = _split_at(1, form)
    received = by_example, PartitionSpec(), _saved_specs(form)
    returned = by_example, *[PartitionSpec()] * (len(parameters) if trained else 0)
    return _per_device(run, form, dy, received, returned)(dy, parameters, saved)


def _mosaic() -> ModuleType:
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


def _saved_specs(form: StackForm) -> tuple[PartitionSpec, ...]:
    return tuple(_split_at(axis, form) for axis in form.saved_axes)


def _split_at(axis: int, form: StackForm) -> PartitionSpec:
    return PartitionSpec(*[None] * axis, _axis(form))


def _axis(form: StackForm) -> str | None:
    return None if form.mesh is None else form.mesh.axis_names[0]

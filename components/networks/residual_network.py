"""Runs a whole residual network, with the layers before and after its stack, as one operation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.networks.fused_stack import obstacle, padded_size
from components.networks.layers import Dense, Layer
from components.networks.residual_blocks import PackedBlocks
from components.networks.residual_stack import apply_to_example, say_once
from components.networks.stack_form import StackForm, chosen_precision
from components.target_devices import batch_mesh, target_platform


def fused_where_possible(form: StackForm, width: int, asked: bool) -> StackForm:
    """Return the form with fused kernels, or unchanged if there are none for it.

    Args:
        form: of a plain stack.
        width: numbers between layers.
        asked: whether the user asked for kernels, and is warned if there are none.
    """
    reason = obstacle(form, width)
    if reason and asked:
        say_once(f"kernel='fused' {reason}: the network runs as with kernel='xla'.")
    if reason:
        return form
    return form._replace(fused=True, ends=chosen_precision("float32"), mesh=batch_mesh())


def mosaic_where_possible(form: StackForm, width: int) -> StackForm:
    """Return the form with kernels of Mosaic GPU, or with what comes next if there are none for it.

    Args:
        form: of a plain stack.
        width: numbers between layers.
    """
    from components.networks import mosaic_stack  # importing Mosaic GPU takes a fifth of a second

    reason = mosaic_stack.obstacle(form, width)
    if reason is None:
        return form._replace(fused=True, pallas="mosaic", mesh=batch_mesh())
    other = form if target_platform() == "cpu" else fused_where_possible(form, width, asked=False)
    name = "fused" if other.fused else "xla"
    say_once(f"kernel='mosaic' {reason}: the network runs as with kernel={name!r}.")
    return other


def residual_network(
    x: Float[Array, " in"], first: Layer, blocks: PackedBlocks, last: Dense, form: StackForm
) -> Float[Array, " out"]:
    """Return a network's output for one example; maps and derivatives are as of `residual_stack`.

    Args:
        x: input of the first layer.
        first: layer before the stack.
        blocks: the stack.
        last: layer after the stack.
        form: everything else, with `ends`.
    """
    width, outputs = last.weight.shape
    in_size, out_size = padded_size(x.size), padded_size(outputs)
    weight, *vectors = jax.tree.leaves(first)
    parameters = (
        blocks.weights,
        blocks.vectors,
        _extended(weight, in_size, width),
        *vectors,
        _extended(last.weight, width, out_size),
        _extended(last.bias, out_size),
    )
    return apply_to_example(_extended(x, in_size), parameters, form)[:outputs]


def _extended(array: Array, *shape: int) -> Array:
    """Append zeros until an array has this shape."""
    if array.shape == shape:
        return array
    return jnp.pad(array, [(0, size - old) for old, size in zip(array.shape, shape, strict=True)])

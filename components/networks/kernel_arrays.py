"""Makes the arrays that kernels of whole stacks receive and return: whole tiles of a batch."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike

from components.networks.stack_form import StackForm, xla_precision


def padded_rows(batch: int, form: StackForm) -> int:
    """Return the rows of the tiles that a batch fills, the last one perhaps in part."""
    return -batch % form.tile.rows + batch


def pad_to_rows(array: Array, axis: int, rows: int) -> Array:
    """Append zeros along an axis until it has `rows` entries."""
    missing = rows - array.shape[axis]
    if not missing:
        return array
    return jnp.pad(array, [(0, missing if i == axis else 0) for i in range(array.ndim)])


def array_of_nets(nets: int, *shape: int, dtype: DTypeLike = jnp.float32) -> jax.ShapeDtypeStruct:
    """Return the type of an array with an axis of nets before its shape."""
    return jax.ShapeDtypeStruct((nets, *shape), dtype)


def weight_gradient(subscripts: str, inputs: Array, dz: Array, precision: str | None) -> Array:
    """Return the gradient by weights of dense layers, all of them in one product.

    Args:
        subscripts: of `jnp.einsum`, for the next two.
        inputs: of the layers.
        dz: gradient by their outputs.
        precision: of the product, as `StackForm.precision`.
    """
    return jnp.einsum(
        subscripts,
        inputs,
        dz,
        precision=xla_precision(precision),
        preferred_element_type=jnp.float32,
    )

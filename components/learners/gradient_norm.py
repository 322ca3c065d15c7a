"""The L2 norm of all arrays of a gradient, and clipping by it."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from components.target_devices import target_platform

_SMALL = 2**18  # numbers; a reduction of more is worth a kernel


def gradient_norm(gradient: PyTree) -> Float[Array, ""]:
    """Return the global L2 norm of a gradient.

    On a CPU it is summed array by array, an order that the numbers of recorded runs depend on.
    Elsewhere kernels count, and there are fewer if the arrays are first joined.
    """
    arrays = jax.tree.leaves(gradient)
    if target_platform() == "cpu" or not arrays:
        return optax.tree.norm(gradient)
    squares = [jnp.square(array) for array in arrays]
    sums = [x.ravel() if x.size <= _SMALL else jnp.sum(x, axis=-1).ravel() for x in squares]
    # Otherwise XLA would sum the parts one by one.
    joined = jax.lax.optimization_barrier(jnp.concatenate(sums))
    return jnp.sqrt(jnp.sum(joined))


def clip_by_gradient_norm(max_norm: float) -> optax.GradientTransformation:
    """Return `optax.clip_by_global_norm`, by `gradient_norm`."""

    def update(
        updates: PyTree, state: optax.OptState, params: PyTree | None = None
    ) -> tuple[PyTree, optax.OptState]:
        del params
        norm = gradient_norm(updates)

        def clip(array: Array) -> Array:
            return jnp.where(norm < max_norm, array, array / norm * max_norm)

        return jax.tree.map(clip, updates), state

    return optax.GradientTransformation(optax.init_empty_state, update)

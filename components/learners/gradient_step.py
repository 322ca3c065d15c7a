"""The one place where a module is split into what is trained and what is not."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

Module = TypeVar("Module")
_FOREVER = 2**31 - 1


def init_optimiser(optimiser: optax.GradientTransformation, module: Any) -> optax.OptState:
    """The optimiser's state for the floating-point arrays of a module."""
    return optimiser.init(eqx.filter(module, eqx.is_inexact_array))


def guarded(
    optimiser: optax.GradientTransformation, max_norm: float | None, skip_nonfinite: bool
) -> optax.GradientTransformation:
    """An optimiser that clips gradients by their global L2 norm, and may skip bad ones.

    Args:
        optimiser: what follows the clipped gradients.
        max_norm: longer gradients are shortened to it; None for no clipping.
        skip_nonfinite: whether an update whose gradient is not finite changes nothing and is
            counted, as `total_notfinite` of the state.
    """
    if max_norm is not None:
        optimiser = optax.chain(optax.clip_by_global_norm(max_norm), optimiser)
    # Never give up: a run of bad updates shows in the count.
    return optax.apply_if_finite(optimiser, _FOREVER) if skip_nonfinite else optimiser


def skipped_updates(optimiser_states: Any) -> Int[Array, ""] | None:
    """How many updates guarded optimisers have skipped; None where none of them skips."""
    found = optax.tree.get_all_with_path(optimiser_states, "total_notfinite")
    return sum((count for _, count in found), jnp.zeros((), jnp.int32)) if found else None


def gradient_step(
    loss: Callable[[Module], tuple[Float[Array, ""], dict[str, Any]]],
    module: Module,
    optimiser: optax.GradientTransformation,
    optimiser_state: optax.OptState,
) -> tuple[Module, optax.OptState, dict[str, Any]]:
    """One step of `optimiser` down the gradient of `loss`.

    Args:
        loss: maps the module to a scalar and a dict of metrics.
        module: what is trained.
        optimiser: an optax transformation.
        optimiser_state: from `init_optimiser`, or from the step before.

    Returns:
        The new module, the new optimiser state, and the metrics with `loss` and `grad_norm` (the
        global L2 norm before the optimiser saw the gradient) added.
    """
    (value, metrics), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(module)
    # Optax promotes types as JAX does by default, also where the caller asked for more care.
    with jax.numpy_dtype_promotion("standard"):
        updates, optimiser_state = optimiser.update(
            gradient, optimiser_state, eqx.filter(module, eqx.is_inexact_array)
        )
    metrics = {**metrics, "loss": value, "grad_norm": optax.tree.norm(gradient)}
    return eqx.apply_updates(module, updates), optimiser_state, metrics

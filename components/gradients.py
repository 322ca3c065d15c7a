"""The one place where a module is split into what is trained and what is not."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float

Module = TypeVar("Module")


def init_optimiser(optimiser: optax.GradientTransformation, module: Any) -> optax.OptState:
    """The optimiser's state for the floating-point arrays of a module."""
    return optimiser.init(eqx.filter(module, eqx.is_inexact_array))


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

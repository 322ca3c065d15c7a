"""Gradient steps: the one place that splits a module into trained arrays and the rest."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from components.constraints import SettingError
from components.learners.gradient_accumulation import BatchLoss, accumulated_gradient
from components.learners.gradient_norm import clip_by_gradient_norm, gradient_norm
from components.optimisers.rated import with_rate_of
from components.protocols import LearnerState, Optimiser
from components.replay.batch import Batch

Module = TypeVar("Module")
Metrics = dict[str, Any]
# Maps a module to its loss and metrics, and the gradient of the loss.
Differentiated = Callable[[Module], tuple[tuple[Float[Array, ""], Metrics], Any]]
_FOREVER = 2**31 - 1


def init_optimiser(optimiser: Optimiser, module: Any) -> optax.OptState:
    """Return the optimiser's state for the floating-point arrays of a module."""
    return optimiser.init(eqx.filter(module, eqx.is_inexact_array))


def guarded(optimiser: Optimiser, max_norm: float | None, skip_nonfinite: bool) -> Optimiser:
    """Return an optimiser that clips gradients by their global L2 norm, and may skip bad ones.

    Args:
        optimiser: receives the clipped gradients.
        max_norm: norm that gradients are clipped to; None clips nothing.
        skip_nonfinite: skip updates whose gradient is not finite, and count them in
            `total_notfinite` of the state.
    """
    wrapped = optimiser
    if max_norm is not None:
        wrapped = optax.chain(clip_by_gradient_norm(max_norm), wrapped)
    if skip_nonfinite:  # never give up: the count shows how many updates were bad
        wrapped = optax.apply_if_finite(wrapped, _FOREVER)
    return optimiser if wrapped is optimiser else with_rate_of(wrapped, optimiser)


def skipped_updates(optimiser_states: Any) -> Int[Array, ""] | None:
    """Return how many updates guarded optimisers have skipped; None if none of them skips."""
    found = optax.tree.get_all_with_path(optimiser_states, "total_notfinite")
    return sum((count for _, count in found), jnp.zeros((), jnp.int32)) if found else None


def gradient_step(
    loss: Callable[[Module], tuple[Float[Array, ""], Metrics]],
    module: Module,
    optimiser: Optimiser,
    optimiser_state: optax.OptState,
) -> tuple[Module, optax.OptState, Metrics]:
    """Take one step of `optimiser` down the gradient of `loss`.

    Args:
        loss: maps the module to a scalar and a dict of metrics.
        module: module to train.
        optimiser: an optax transformation.
        optimiser_state: from `init_optimiser`, or from the previous step.

    Returns:
        The new module, the new optimiser state, and the metrics with `loss` and `grad_norm` (the
        global L2 norm before the optimiser saw the gradient) added.
    """
    differentiated = eqx.filter_value_and_grad(loss, has_aux=True)
    return _descend(differentiated, module, optimiser, optimiser_state)


def step_network(
    state: LearnerState,
    name: str,
    loss: Callable[[Any], tuple[Float[Array, ""], Metrics]],
    optimiser: Optimiser,
) -> tuple[LearnerState, Metrics]:
    """Take one gradient step of the network of this name in a learner's state.

    Returns:
        The state with that network and its optimiser's state replaced, and the metrics of
        `gradient_step` with `loss` and `grad_norm` prefixed by the name.
    """
    differentiated = eqx.filter_value_and_grad(loss, has_aux=True)
    return _step_network(state, name, differentiated, optimiser)


def step_network_on_batch(
    state: LearnerState,
    name: str,
    loss: BatchLoss[Any],
    optimiser: Optimiser,
    batch: Batch,
    key: Key[Array, ""],
    micro_batches: int,
) -> tuple[LearnerState, Metrics]:
    """Take one gradient step, as `step_network` does, on a batch that may be taken in parts.

    Args:
        state: of the learner.
        name: of the network.
        loss: maps the network, a batch and a key to a scalar and a dict of metrics.
        optimiser: an optax transformation.
        batch: transitions.
        key: of the loss; more than one micro-batch have keys of their own.
        micro_batches: see `accumulated_gradient`.
    """
    if micro_batches == 1:
        return step_network(state, name, lambda network: loss(network, batch, key), optimiser)

    def differentiated(network: Any) -> Any:
        return accumulated_gradient(loss, network, batch, key, micro_batches)

    return _step_network(state, name, differentiated, optimiser)


def _step_network(
    state: LearnerState, name: str, differentiated: Differentiated[Any], optimiser: Optimiser
) -> tuple[LearnerState, Metrics]:
    with jax.named_scope(name):
        network, optimiser_state, metrics = _descend(
            differentiated,
            getattr(state.networks, name),
            optimiser,
            getattr(state.optimisers, name),
        )
    state = eqx.tree_at(
        lambda s: (getattr(s.networks, name), getattr(s.optimisers, name)),
        state,
        (network, optimiser_state),
    )
    prefixed = {f"{name}_{metric}": metrics.pop(metric) for metric in ("loss", "grad_norm")}
    if taken := sorted(prefixed.keys() & metrics.keys()):
        problem = f"returns a metric called {taken[0]!r}, which every learner records; rename it."
        raise SettingError(f"{name}_loss", problem)
    return state, {**prefixed, **metrics}


def _descend(
    differentiated: Differentiated[Module],
    module: Module,
    optimiser: Optimiser,
    optimiser_state: optax.OptState,
) -> tuple[Module, optax.OptState, Metrics]:
    (value, metrics), gradient = differentiated(module)
    # Optax relies on JAX's default type promotion, also if the caller has made it stricter.
    with jax.numpy_dtype_promotion("standard"):
        updates, optimiser_state = optimiser.update(
            gradient, optimiser_state, eqx.filter(module, eqx.is_inexact_array)
        )
    metrics = {**metrics, "loss": value, "grad_norm": gradient_norm(gradient)}
    return eqx.apply_updates(module, updates), optimiser_state, metrics

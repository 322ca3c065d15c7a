"""Optimisers of Optax whose learning rate is known, so that a run can record it."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from components.optimisers.schedules import Count, spanning

Rate: TypeAlias = float | Callable[[Count], float | Array]
Settings = ParamSpec("Settings")


class RatedOptimiser(optax.GradientTransformationExtraArgs):
    """An optimiser that knows its learning rate.

    Attributes:
        learning_rate: a number, or a schedule of the optimiser's steps; None if it is not known.
    """

    learning_rate: Rate | None

    def __new__(cls, optimiser: optax.GradientTransformation, learning_rate: Rate | None):
        inner = optax.with_extra_args_support(optimiser)
        rated = super().__new__(cls, inner.init, inner.update)
        rated.learning_rate = learning_rate
        return rated


def with_rate_of(
    optimiser: optax.GradientTransformation, inner: optax.GradientTransformation
) -> RatedOptimiser:
    """Return an optimiser that wraps `inner`, with the learning rate of `inner`."""
    return RatedOptimiser(optimiser, getattr(inner, "learning_rate", None))


def _rated(
    constructor: Callable[Settings, optax.GradientTransformation],
) -> Callable[Settings, optax.GradientTransformation]:
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def construct(*args: Settings.args, **kwargs: Settings.kwargs) -> RatedOptimiser:
        rate = signature.bind(*args, **kwargs).arguments["learning_rate"]
        return RatedOptimiser(constructor(*args, **kwargs), rate)

    return construct


adam = _rated(optax.adam)
adamw = _rated(optax.adamw)
sgd = _rated(optax.sgd)


class NetworkRate(NamedTuple):
    """The learning rate of one network.

    Attributes:
        rate: a number, or a schedule of the optimiser's steps.
        updates_per_step: updates of the learner for each step of the network's optimiser.
    """

    rate: Rate
    updates_per_step: int = 1

    def at_update(self, update: int, run_updates: int) -> float:
        """Return the rate after some updates of the learner, in a run of `run_updates`."""
        return float(self._at_step(update // self.updates_per_step, run_updates))

    def in_state(self, optimiser_state: Any, run_updates: int) -> Float[Array, ""]:
        """Return the rate of an optimiser's next step, from the steps counted in its state."""
        counts = optax.tree.get_all_with_path(optimiser_state, "count")
        return jnp.asarray(self._at_step(counts[0][1] if counts else 0, run_updates), jnp.float32)

    def _at_step(self, count: Count, run_updates: int) -> float | Array:
        if not callable(self.rate):
            return self.rate
        span = spanning(run_updates, self.updates_per_step)
        # Optax relies on JAX's default type promotion, also if the caller has made it stricter.
        with span, jax.numpy_dtype_promotion("standard"):
            return self.rate(count)


def network_rates(**optimisers: tuple[Any, int]) -> dict[str, NetworkRate]:
    """Return the learning rate of each optimiser for which it is known.

    Args:
        optimisers: by the network's name, the optimiser (or None) and the learner's updates for
            each of its steps, which only a schedule depends on.
    """
    return {
        name: NetworkRate(rate, updates if callable(rate) else 1)
        for name, (optimiser, updates) in optimisers.items()
        if (rate := getattr(optimiser, "learning_rate", None)) is not None
    }

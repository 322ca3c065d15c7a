"""Optimisers of Optax with ranges for their settings and a learning rate that a run can record."""

import functools
import inspect
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, NamedTuple, ParamSpec, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from components.constraints import AtLeast, LessThan, MoreThan, SettingError, find_problem
from components.optimisers.schedules import Count, spanning

Rate: TypeAlias = float | Callable[[Count], float | Array]
_NonNegative = Annotated[float, AtLeast(0)]
# Of a moving average; with 1 it would never move.
_Decay: TypeAlias = Annotated[float, AtLeast(0), LessThan(1)]
# What Optax leaves to the caller: a negative rate would climb the loss without a word.
_RANGES = {
    "learning_rate": _NonNegative | optax.Schedule,
    "weight_decay": _NonNegative | optax.Schedule,
    "b1": _Decay,
    "b2": _Decay,
    "momentum": _Decay | NoneType,
    "eps": Annotated[float, MoreThan(0)],
    "eps_root": _NonNegative,
}
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
    ranges = {name: hint for name, hint in _RANGES.items() if name in signature.parameters}

    @functools.wraps(constructor)
    def construct(*args: Settings.args, **kwargs: Settings.kwargs) -> RatedOptimiser:
        settings = signature.bind(*args, **kwargs).arguments
        for name in ranges.keys() & settings.keys():
            if problem := find_problem(settings[name], ranges[name]):
                raise SettingError(name, problem)
        return RatedOptimiser(constructor(*args, **kwargs), settings["learning_rate"])

    # In place of the annotations of Optax, so that gin files are checked by the ranges.
    del construct.__wrapped__
    vars(construct)["__signature__"] = signature
    construct.__annotations__ = {**ranges, "return": RatedOptimiser}
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

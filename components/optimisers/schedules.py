"""Learning rates that change over a run."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import jax
import optax

from components.constraints import (
    AtLeast,
    AtMost,
    MoreThan,
    PositiveFloat,
    PositiveInt,
    SettingError,
    check,
)

Share = Annotated[float, MoreThan(0), AtMost(1)]
Count: TypeAlias = int | jax.Array

# An optimiser is a pair of plain functions that receive nothing about the run, so the length of the
# run reaches a schedule through the context in which the loop is traced.
_SPAN: ContextVar[int | None] = ContextVar("span", default=None)


@contextlib.contextmanager
def spanning(updates: int, updates_per_step: int = 1) -> Iterator[None]:
    """Let schedules without a length of their own span this many updates of their learner.

    The loop enters it while it traces an update; a schedule called outside of it raises
    `SettingError`.

    Args:
        updates: of the learner; 0 counts as 1.
        updates_per_step: updates of the learner for each step of the optimiser.
    """
    token = _SPAN.set(max(1, updates // updates_per_step))
    try:
        yield
    finally:
        _SPAN.reset(token)


@contextlib.contextmanager
def stepping_every(updates: int) -> Iterator[None]:
    """Shorten the span for optimisers that take one step per `updates` updates of the learner."""
    span = _SPAN.get()
    if span is None:
        yield
    else:
        with spanning(span, updates):
            yield


@dataclass(frozen=True)
class CosineDecay:
    r"""A learning rate that falls along half a cosine, by default over the whole run.

    $\eta_t = \eta_0 ((1 - \alpha) (\frac12 (1 + \cos(\pi t / T)))^p + \alpha)$ up to step T of the
    optimiser, and $\alpha \eta_0$ after it.

    Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    Attributes:
        init_value: eta_0.
        decay_steps: T; by default `decay_share` of the run's own updates, however long the run is.
        alpha: the last rate as a share of the first.
        exponent: p.
        decay_share: share of the run's updates during which the rate falls; `decay_steps` overrides
            it.
    """

    init_value: PositiveFloat
    decay_steps: PositiveInt | None = None
    alpha: Annotated[float, AtLeast(0)] = 0.0
    exponent: PositiveFloat = 1.0
    decay_share: Share = 1.0

    def __post_init__(self) -> None:
        check(CosineDecay, **vars(self))

    def __call__(self, count: Count) -> float | jax.Array:
        """Return the rate of the optimiser's step number `count`, the first being 0.

        Raises:
            SettingError: the length is that of the run, but this is not inside `spanning`.
        """
        steps = self.last_step()
        schedule = optax.cosine_decay_schedule(self.init_value, steps, self.alpha, self.exponent)
        return jax.numpy.asarray(schedule(count))

    def last_step(self) -> int:
        """Return T: the step at which the rate stops falling.

        Raises:
            SettingError: the length is that of the run, but this is not inside `spanning`.
        """
        if self.decay_steps is not None:
            return self.decay_steps
        span = _SPAN.get()
        if span is None:
            raise SettingError("decay_steps", "is missing: outside of a run nothing else tells it.")
        return max(1, round(self.decay_share * span))

"""Describes learning rates over a run: the first, the last, and where a decay ends."""

import math
from collections.abc import Mapping

from components.optimisers.rated import NetworkRate
from components.optimisers.schedules import CosineDecay, spanning
from components.protocols import Learner
from dsl.loop.learning_rates import named_rates

# Relative; the device computes in float32.
_SAME_RATE = 1e-3


def describe_learning_rates(
    learners: Mapping[str, Learner], run_updates: int
) -> list[tuple[str, str]]:
    """Return a name and a description of each learning rate that is known.

    Args:
        learners: by name.
        run_updates: gradient updates of the whole run.
    """
    return [
        (metric.replace("_", " "), _describe_rate(rate, run_updates))
        for metric, rate in _rates_by_metric(learners).items()
    ]


def learning_rate_notices(
    learners: Mapping[str, Learner],
    run_updates: int,
    made_updates: int,
    recorded: Mapping[str, float],
) -> list[str]:
    """Return what to say about learning rates when a run begins or resumes: nothing of constants.

    Args:
        learners: by name.
        run_updates: gradient updates of the whole run.
        made_updates: updates of the epochs in the record.
        recorded: metrics of the last epoch in the record; none of a new run.
    """
    notices = []
    for metric, rate in _rates_by_metric(learners).items():
        name = metric.replace("_", " ")
        if callable(rate.rate):
            notices.append(f"{name}: {_describe_rate(rate, run_updates)}")
        before = recorded.get(f"train/{metric}")
        now = rate.at_update(made_updates, run_updates)
        if before is not None and not math.isclose(before, now, rel_tol=_SAME_RATE):
            notices.append(f"{name}: changes from {before:.3g} to {now:.3g} here")
    return notices


def _rates_by_metric(learners: Mapping[str, Learner]) -> dict[str, NetworkRate]:
    """Return every learning rate by its metric, with the learner's name if there are several."""
    return {
        f"{learner}/{metric}" if len(learners) > 1 else metric: rate
        for learner, each in learners.items()
        for metric, (_, rate) in named_rates(each).items()
    }


def _describe_rate(rate: NetworkRate, run_updates: int) -> str:
    if not callable(rate.rate):
        return f"{rate.rate:.3g}"
    first, last = (rate.at_update(update, run_updates) for update in (0, run_updates))
    end = _last_falling_update(rate, run_updates)
    if end is None:
        return f"{first:.3g}, then {last:.3g} at the last of {run_updates:,} updates"
    if end > run_updates:
        return (
            f"{first:.3g}, falling to {last:.3g} at the last of {run_updates:,} updates; the decay "
            f"would end at update {end:,}"
        )
    return f"{first:.3g}, falling to {last:.3g} at update {end:,} of {run_updates:,}"


def _last_falling_update(rate: NetworkRate, run_updates: int) -> int | None:
    """Return the update of the learner at which a decay ends, or None if nothing tells it."""
    if not isinstance(rate.rate, CosineDecay):
        return None
    with spanning(run_updates, rate.updates_per_step):
        return rate.rate.last_step() * rate.updates_per_step

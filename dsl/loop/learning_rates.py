"""Measures the learning rates that a run trains with."""

from components.optimisers.rated import NetworkRate
from components.protocols import Learner, Metrics
from dsl.loop.program import Program, TrainState, prefix_metrics


def learning_rates(program: Program, state: TrainState) -> Metrics:
    """Return the learning rates of the next update.

    They are called `learning_rate` if all networks of a learner have the same, and
    `NETWORK_learning_rate` otherwise. Learning rates that are not known are left out.
    """
    metrics = {}
    for name, learner in program.learners.items():
        optimisers = state.learners[name].optimisers
        measured = {
            metric: rate.in_state(getattr(optimisers, network), program.updates)
            for metric, (network, rate) in named_rates(learner).items()
        }
        metrics |= prefix_metrics(program, name, measured)
    return metrics


def named_rates(learner: Learner) -> dict[str, tuple[str, NetworkRate]]:
    """Return a learner's learning rates, each with a network that has it, by their metrics."""
    rates = list(learner.learning_rates().items())
    if rates and all(rate == rates[0][1] for _, rate in rates):
        return {"learning_rate": rates[0]}
    return {f"{network}_learning_rate": (network, rate) for network, rate in rates}

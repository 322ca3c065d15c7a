"""Check what losses and evaluations measure, before anything is compiled."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax

from components.constraints import SettingError
from dsl.experiment import Experiment
from dsl.loop.evaluation_metrics import abstract_episodes


def learner_metric_problems(metric_sums: Mapping[str, Any]) -> Iterator[SettingError]:
    """Report metrics of losses that are not one number, or have no name.

    Args:
        metric_sums: of a `TrainState`, as shapes.
    """
    for name, value in metric_sums.items():
        if not isinstance(name, str):
            yield SettingError("learner", f"has a loss with the metric {name!r}; names are text.")
        elif value.shape != ():
            problem = (
                f"has a loss whose metric {name!r} is {_described(value)}; it must be a number."
            )
            yield SettingError("learner", problem)


def evaluation_metric_problems(experiment: Experiment) -> Iterator[SettingError]:
    """Report metrics of evaluations that do not give a number per episode."""
    for evaluation in experiment.evaluation_tasks.values():
        environment, count = evaluation.environment, evaluation.episodes
        assert environment is not None
        assert count is not None
        episodes = abstract_episodes(environment.dims, environment.episode_length, count)
        for name, metric in evaluation.metrics.items():
            value = jax.eval_shape(metric, episodes)
            if getattr(value, "shape", None) != (count,):
                yield SettingError(
                    "evaluation",
                    f"has the metric {name!r}, which returns {_described(value)}; a metric returns "
                    f"a number for each of the {count} episodes.",
                )


def _described(value: Any) -> str:
    """Return type and shape of an array, as in `float32[128]`, or the class of anything else."""
    if isinstance(value, jax.ShapeDtypeStruct):
        return f"{value.dtype}{list(value.shape)}"
    return f"a {type(value).__name__}"

"""Finds settings of an experiment that cannot be beside each other."""

import difflib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from components.constraints import SettingError
from dsl.loop.schedule import Schedule

if TYPE_CHECKING:
    from dsl.experiment import Experiment

_INT32 = 2**31 - 1
# Names before the slash of metrics that are no evaluation's.
_RESERVED = ("train", "time")


def disagreements(experiment: "Experiment") -> list[SettingError]:
    """Return the settings that each are possible, but not together."""
    found = [
        *_buffer_problems(experiment),
        *_evaluation_problems(experiment),
        *_update_problems(experiment),
        *_collector_problems(experiment),
    ]
    if not found:
        found += [*_best_by_problems(experiment)]
    return found or [*_overflows(experiment.schedule(), experiment.num_envs)]


def _buffer_problems(experiment: "Experiment") -> Iterator[SettingError]:
    capacity, rows = experiment.buffer.capacity, experiment.environment.episode_length + 1
    if capacity < rows:
        yield SettingError(
            "buffer",
            f"holds {capacity} rows per environment, but an episode fills {rows} "
            f"({rows - 1} steps and the final observation). Set its capacity to {rows} or "
            f"more, or the episode_length to {max(capacity - 1, 1)} or less.",
        )
    if capacity < experiment.unroll_length:
        yield SettingError(
            "unroll_length",
            f"is {experiment.unroll_length}, more rows than the buffer holds. Nearest: {capacity}.",
        )


def _evaluation_problems(experiment: "Experiment") -> Iterator[SettingError]:
    evaluation = experiment.evaluation
    if isinstance(evaluation, dict) and not evaluation:
        yield SettingError("evaluation", "is an empty dict; a run needs at least one evaluation.")
        return
    if isinstance(evaluation, dict):
        yield from _name_problems("evaluation", evaluation)
    for name in set(experiment.evaluation_tasks) & set(_RESERVED):
        yield SettingError("evaluation", f"is called {name!r}, as other metrics are; rename it.")
    train = experiment.environment.dims
    for name, each in experiment.evaluation_tasks.items():
        dims = None if each.environment is None else each.environment.dims
        if dims != train:
            own = isinstance(evaluation, dict) and evaluation[name].environment is not None
            yield SettingError(
                "evaluation" if own else "eval_environment",
                f"has other sizes than the training task: {dims} against {train}. "
                "Choose two tasks of the same robot.",
            )


def _update_problems(experiment: "Experiment") -> Iterator[SettingError]:
    transitions, batch = experiment.transitions_per_iteration, experiment.batch_size
    if transitions is not None and transitions < batch:
        problem = f"is {transitions}, less than one batch. Nearest: {batch}."
        yield SettingError("transitions_per_iteration", problem)


def _collector_problems(experiment: "Experiment") -> Iterator[SettingError]:
    learners, collector = experiment.learners, experiment.collector
    if not learners:
        yield SettingError("learner", "is an empty dict; a run needs at least one learner.")
        return
    yield from _name_problems("learner", learners)
    if collector is not None and collector not in learners:
        names = ", ".join(map(repr, learners))
        yield SettingError("collector", f"is {collector!r}; the learners are {names}.")


def _name_problems(setting: str, named: Mapping[Any, Any]) -> Iterator[SettingError]:
    """Report the first name that a metric's name cannot contain."""
    wrong = [name for name in named if not (isinstance(name, str) and name.isidentifier())]
    if wrong:
        yield SettingError(setting, f"is called {wrong[0]!r}; use letters, digits and underscores.")


def _best_by_problems(experiment: "Experiment") -> Iterator[SettingError]:
    metrics = experiment.evaluation_metrics()
    if experiment.best_metric() in metrics:
        return
    close = difflib.get_close_matches(experiment.best_by.removeprefix("-"), metrics, 1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    problem = f"is {experiment.best_by!r}, which no evaluation measures. {hint}"
    yield SettingError("best_by", f"{problem}Metrics: {', '.join(metrics)}.")


def _overflows(schedule: Schedule, num_envs: int) -> Iterator[SettingError]:
    """Report counts that the compiled loop could not hold."""
    rows = schedule.env_steps(schedule.epochs) // num_envs
    prefill = schedule.env_steps(0) // num_envs
    updates = schedule.iterations_per_epoch * schedule.updates_per_iteration
    counts_to = f"the loop counts to {_INT32:,}"
    if prefill > _INT32 // 2:
        problem = f"means {prefill:,} steps before the first update. Nearest: {_INT32 // 2:_}."
        yield SettingError("prefill_steps", problem)
    elif rows > _INT32:
        problem = f"means {rows:,} steps of each environment; {counts_to}. Raise num_envs."
        yield SettingError("total_env_steps", problem)
    if updates > _INT32:
        problem = f"means {updates:,} updates in each epoch; {counts_to}. Raise evaluations."
        yield SettingError("updates_per_iteration", problem)

"""Finds settings of an experiment that cannot be beside each other."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.constraints import SettingError
from components.environments.core.goal_environment import GoalEnvironment
from components.protocols import Learner
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.loop.schedule import Schedule

_INT32 = 2**31 - 1
# Names before the slash of metrics that are not an evaluation's.
_RESERVED = ("train", "time")
_LONGEST_NAME = 64  # of a learner or an evaluation, in names of metrics and files


def buffer_problems(
    buffer: TrajectoryBuffer, environment: GoalEnvironment, unroll_length: int
) -> Iterator[SettingError]:
    """Report a buffer that cannot hold an episode or an unroll."""
    capacity, rows = buffer.capacity, environment.episode_length + 1
    if capacity < rows:
        yield SettingError(
            "buffer",
            f"holds {capacity} rows per environment, but an episode fills {rows} "
            f"({rows - 1} steps and the final observation). Set its capacity to {rows} or "
            f"more, or the episode_length to {max(capacity - 1, 1)} or less.",
        )
    if capacity < unroll_length:
        yield SettingError(
            "unroll_length",
            f"is {unroll_length}, more rows than the buffer holds. Nearest: {capacity}.",
        )


def evaluation_problems(
    evaluation: FreshEpisodes | dict[str, FreshEpisodes] | None,
    tasks: Mapping[str, FreshEpisodes],
    environment: GoalEnvironment,
) -> Iterator[SettingError]:
    """Report evaluations with impossible names or with tasks of another robot.

    Args:
        evaluation: the setting.
        tasks: the evaluations it means.
        environment: the training task.
    """
    if isinstance(evaluation, dict) and not evaluation:
        yield SettingError("evaluation", "is an empty dict; a run needs at least one evaluation.")
        return
    if isinstance(evaluation, dict):
        yield from _name_problems("evaluation", evaluation)
    for name in set(tasks) & set(_RESERVED):
        yield SettingError("evaluation", f"is called {name!r}, as other metrics are; rename it.")
    train = environment.dims
    for name, each in tasks.items():
        dims = None if each.environment is None else each.environment.dims
        if dims != train:
            own = isinstance(evaluation, dict) and evaluation[name].environment is not None
            yield SettingError(
                "evaluation" if own else "eval_environment",
                f"has other sizes than the training task: {dims} against {train}. "
                "Choose two tasks of the same robot.",
            )


def update_problems(transitions: int | None, batch: int) -> Iterator[SettingError]:
    """Report a limit of transitions that allows no update."""
    if transitions is not None and transitions < batch:
        problem = f"is {transitions}, less than one batch. Nearest: {batch}."
        yield SettingError("transitions_per_iteration", problem)


def accumulation_problems(learners: Mapping[str, Learner], batch: int) -> Iterator[SettingError]:
    """Report a batch that a learner cannot take in equal micro-batches of two or more."""
    for name, learner in learners.items():
        count = learner.micro_batches()
        if batch % count or batch < 2 * count:
            nearest = max(2, round(batch / count)) * count
            problem = (
                f"is {batch}, not {count} equal micro-batches of at least 2 transitions, which"
            )
            owner = "the learner" if len(learners) == 1 else f"the learner {name!r}"
            yield SettingError("batch_size", f"{problem} {owner} asks for. Nearest: {nearest}.")
            return


def collector_problems(
    learners: Mapping[str, Learner], collector: str | None
) -> Iterator[SettingError]:
    """Report learners with impossible names, and a collector that is none of them."""
    if not learners:
        yield SettingError("learner", "is an empty dict; a run needs at least one learner.")
        return
    yield from _name_problems("learner", learners)
    if collector is not None and collector not in learners:
        names = ", ".join(map(repr, learners))
        yield SettingError("collector", f"is {collector!r}; the learners are {names}.")


def _name_problems(setting: str, named: Mapping[Any, Any]) -> Iterator[SettingError]:
    """Report names that a metric's name cannot contain, or the name of a file."""
    for name in named:
        if not (isinstance(name, str) and name.isidentifier()):
            yield SettingError(setting, f"is called {name!r}; use letters, digits and underscores.")
        elif len(name) > _LONGEST_NAME:
            problem = f"is called {name[:20]}..., with {len(name)} letters; use at most"
            yield SettingError(setting, f"{problem} {_LONGEST_NAME}.")


def best_by_problems(
    best_by: str, best_metric: str, metrics: Sequence[str]
) -> Iterator[SettingError]:
    """Report a metric that no evaluation measures, with the most similar one that is measured."""
    if best_metric in metrics:
        return
    close = difflib.get_close_matches(best_by.removeprefix("-"), metrics, 1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    problem = f"is {best_by!r}, which no evaluation measures. {hint}"
    yield SettingError("best_by", f"{problem}Metrics: {', '.join(metrics)}.")


def overflow_problems(schedule: Schedule, num_envs: int) -> Iterator[SettingError]:
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

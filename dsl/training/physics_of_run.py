"""Finds the engine that simulates a run: the one that it began under, or what suits the device."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from components.constraints import SettingError
from components.environments.core.goal_environment import GoalEnvironment, engine_of
from components.environments.core.physics import PhysicsEngine
from components.environments.core.physics.c import C
from components.environments.core.physics.mjx import MJX
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.loop.evaluation_plan import FreshEpisodes

# Key of a checkpoint's metadata and of a run's environment: the engine of tasks that name none.
PHYSICS = "physics"
# Those that are chosen where none is named. Runs from before they had a choice were under MJX.
_CHOSEN: dict[str, PhysicsEngine] = {"MJX": MJX(), "C": C()}


def engine_name(experiment: Experiment) -> str | None:
    """Return the name of the engine of tasks that name none; of the first one's if all do.

    None if nothing is simulated.
    """
    environments = [each for each in _environments(experiment) if engine_of(each) is not None]
    choosing = [each for each in environments if each.task.physics.engine is None]
    return next((type(engine_of(each)).__name__ for each in [*choosing, *environments]), None)


def continue_physics(
    experiment: Experiment, metadata: Mapping[str, Any] | None, say: Callable[[str], None]
) -> Experiment:
    """Return an experiment whose tasks that name no engine have that of a checkpoint.

    Args:
        experiment: what runs.
        metadata: of the checkpoint that it continues from, if there is one.
        say: receives a line if another engine would be chosen now.

    Raises:
        UsageError: this engine does not run here.
    """
    now = engine_name(experiment)
    began = now if metadata is None else metadata.get(PHYSICS, "MJX")
    if now in (None, began) or began not in _CHOSEN:
        return experiment
    try:
        continued = _with_engine(experiment, _CHOSEN[began])
    except SettingError as error:
        raise UsageError(
            f"the run began under physics.{began}, which does not simulate it here: its setting "
            f"{error}. Continue it on a CPU (JAX_PLATFORMS=cpu), or begin another run."
        ) from error
    if engine_name(continued) != now:
        say(f"simulated by physics.{began}, under which the run began; now physics.{now} is chosen")
    return continued


def _environments(experiment: Experiment) -> list[GoalEnvironment]:
    """Return the training task and the tasks of all evaluations."""
    evaluations = (each.environment for each in experiment.evaluation_tasks.values())
    return [experiment.environment, *(each for each in evaluations if each is not None)]


def _with_engine(experiment: Experiment, engine: PhysicsEngine) -> Experiment:
    def in_engine(environment: GoalEnvironment | None) -> GoalEnvironment | None:
        if environment is None or environment.task.physics.engine is not None:
            return environment
        return environment.with_engine(engine)

    def evaluated(evaluation: FreshEpisodes) -> FreshEpisodes:
        return replace(evaluation, environment=in_engine(evaluation.environment))

    evaluation = experiment.evaluation
    if isinstance(evaluation, dict):
        evaluation = {name: evaluated(each) for name, each in evaluation.items()}
    elif evaluation is not None:
        evaluation = evaluated(evaluation)
    return replace(
        experiment,
        environment=in_engine(experiment.environment),
        eval_environment=in_engine(experiment.eval_environment),
        evaluation=evaluation,
    )

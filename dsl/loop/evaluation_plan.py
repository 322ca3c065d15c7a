"""Describes an evaluation: on which task, for how many episodes, measured by what."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
from jaxtyping import Array, Key

from components.constraints import AtLeast, PositiveInt, SettingError
from components.environments.core.goal_environment import GoalEnvironment
from dsl.loop.evaluation_metrics import STANDARD_METRICS


class FreshEpisodes(eqx.Module):
    """Evaluate on episodes with fresh starts and goals, each up to its first end.

    All learners play the same episodes. A subclass with other `reset_keys` chooses other starts.
    """

    environment: GoalEnvironment | None = eqx.field(static=True)
    episodes: int | None = eqx.field(static=True)
    metrics: dict[str, Callable]

    def __init__(
        self,
        environment: GoalEnvironment | None = None,
        episodes: PositiveInt | None = None,
        metrics: dict[str, Callable] | None = None,
    ):
        """Args:
            environment: task; by default `Experiment.eval_environment`.
            episodes: number of episodes, run in parallel; by default `Experiment.eval_episodes`.
            metrics: functions of `Episodes` by the name that their mean is recorded under; by
                default all of the family `metric`.

        Raises:
            SettingError: `episodes` is not positive, or there is no metric.
        """
        if episodes is not None and (problem := AtLeast(1).problem(episodes)):
            raise SettingError("episodes", problem)
        if metrics is not None and not metrics:
            raise SettingError("metrics", "is an empty dict; an evaluation has at least one.")
        self.environment, self.episodes = environment, episodes
        self.metrics = dict(STANDARD_METRICS if metrics is None else metrics)

    def with_defaults(self, environment: GoalEnvironment, episodes: int) -> "FreshEpisodes":
        """Return the same evaluation with every setting that it lacks."""
        return replace(
            self,
            environment=self.environment or environment,
            episodes=self.episodes or episodes,
        )

    def reset_keys(self, key: Key[Array, ""]) -> Key[Array, " B"]:
        """Return the key that each episode is reset with."""
        assert self.episodes is not None
        return jax.random.split(key, self.episodes)

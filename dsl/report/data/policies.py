"""Trained policies of the runs that represent a group, and their fresh episodes."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from components.environments.core.goal_environment import GoalEnvironment
from dsl.checkpoint.run_checkpoints import list_policies
from dsl.errors import UsageError
from dsl.loop.evaluation_rollout import Rollout
from dsl.report.data.comparison import Comparison, Group, ScoredRun
from dsl.report.data.display import setting_in_words
from dsl.report.data.scores import median_run
from dsl.training.policy import Policy, load_policy, play

EPISODES = 16
_SEED = 0  # every policy has the same starts and goals


class Trained(NamedTuple):
    """A policy and some of its episodes.

    Attributes:
        title: what tells its group apart, a line each.
        scored_run: the run that trained it.
        policy: the best by evaluation.
        episodes: leaves (time, episode, ...).
    """

    title: str
    scored_run: ScoredRun
    policy: Policy
    episodes: Rollout

    @property
    def env(self) -> GoalEnvironment:
        """The environment that the policy is scored on."""
        return self.policy.experiment.eval_env


class Episode(NamedTuple):
    """One episode up to its goal, (time, ...).

    Attributes:
        number: among the episodes.
        states: that the robot was in.
        goals: as it went.
        reached: whether it was ever inside the success radius.
    """

    number: int
    states: np.ndarray
    goals: np.ndarray
    reached: bool


def representative_policies(
    comparison: Comparison,
    last: int,
    every: bool,
    say: Callable[[str], None],
    *,
    trust: bool,
) -> list[Trained]:
    """Play the median run of each group by score, or every run, where it left checkpoints.

    Args:
        comparison: of the runs.
        last: evaluations that count for the score.
        every: whether all runs of a group are wanted.
        say: receives a line about every group or run left out.
        trust: whether the Python modules that runs import may be executed.
    """
    found = []
    for group in comparison.groups:
        title = _title(comparison, group)
        scored_runs = _chosen(group, last, every, say)
        if not scored_runs:
            say(f"{title.replace(chr(10), ', ') or group.task}: no run of it has a checkpoint.")
        for scored_run in scored_runs:
            name = f"{title}\nseed {scored_run.run.seed}".strip() if every else title
            try:
                policy = load_policy(scored_run.run.folder, scored_run.learner or None, trust=trust)
            except UsageError as error:
                say(str(error))
                continue
            say(f"episodes of {scored_run.run.folder}")
            _, episodes = play(policy, EPISODES, _SEED, recorded=EPISODES)
            found.append(Trained(name, scored_run, policy, episodes))
    return found


def longest_success(trained: Trained) -> Episode:
    """Return, of the successful episodes, the one that began farthest from its goal.

    It is cut where it reaches the goal. If none did, return the whole episode that ended nearest.
    """
    rollout, env = trained.episodes, trained.env
    running = np.asarray(rollout.running)
    observation = rollout.observation
    inside = at_goal(env, rollout)
    reached = np.any(inside, axis=0)
    achieved = env.achieved_goal(observation.state)
    distance = np.asarray(env.distance(achieved, observation.goal))
    ends = distance[running.sum(axis=0) - 1, np.arange(running.shape[1])]
    merit = np.where(reached, distance[0], -np.inf) if reached.any() else -ends
    number = int(np.argmax(merit))
    kept = running[:, number]
    if reached[number]:
        kept = np.arange(len(kept)) <= np.argmax(inside[:, number])
    states, goals = (np.asarray(x)[kept, number] for x in observation)
    return Episode(number, states, goals, bool(reached[number]))


def at_goal(env: GoalEnvironment, rollout: Rollout) -> np.ndarray:
    """Return whether each running episode is inside the success radius, (time, episode)."""
    observation = rollout.observation
    success = env.success(env.achieved_goal(observation.state), observation.goal)
    return np.logical_and(success, rollout.running)


def single_episode(rollout: Rollout, number: int) -> Rollout:
    """Cut a rollout down to one of its episodes."""
    return jax.tree.map(lambda leaf: leaf[:, number : number + 1], rollout)


def _chosen(group: Group, last: int, every: bool, say: Callable[[str], None]) -> list[ScoredRun]:
    there = [one for one in group.scored_runs if _has_policy(one.run.folder, say)]
    return there if every or not there else [median_run(there, last)]


def _has_policy(run: Path, say: Callable[[str], None]) -> bool:
    try:
        return bool(list_policies(run))
    except UsageError as error:  # it cannot be read now
        say(str(error))
        return False


def _title(comparison: Comparison, group: Group) -> str:
    several = len(comparison.tasks) > 1
    pairs = zip(comparison.columns, group.values, strict=True)
    lines = [f"{column} {setting_in_words(value)}" for column, value in pairs]
    return "\n".join([*([group.task] if several else []), *lines])

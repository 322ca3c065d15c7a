"""Trained policies of the runs that stand for a group, and what they do in fresh episodes."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from components.environments.core.goal_environment import GoalEnvironment
from dsl.checkpoint.run_checkpoints import list_policies
from dsl.errors import UsageError
from dsl.loop.evaluation import Rollout
from dsl.report.data.comparison import Comparison, Group, ScoredRun, in_words
from dsl.report.data.scores import median
from dsl.training.policy import Policy, load_policy, play

EPISODES = 16
_SEED = 0  # every policy has the same starts and goals


class Trained(NamedTuple):
    """A policy and some of its episodes.

    Attributes:
        title: what tells its group apart, a line each.
        member: whose it is.
        policy: the best by evaluation.
        episodes: leaves (time, episode, ...).
    """

    title: str
    member: ScoredRun
    policy: Policy
    episodes: Rollout

    @property
    def task(self) -> GoalEnvironment:
        """What the policy is scored on."""
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


def representatives(
    comparison: Comparison,
    last: int,
    every: bool,
    say: Callable[[str], None],
    *,
    trust: bool,
) -> list[Trained]:
    """The median run of each group by score, or every run, as far as they left checkpoints.

    Args:
        comparison: of the runs.
        last: evaluations that count for the score.
        every: whether all runs of a group are wanted.
        say: receives a line on every group or run that is left out.
        trust: whether the Python modules that runs import may be executed.
    """
    found = []
    for group in comparison.groups:
        title = _title(comparison, group)
        members = _chosen(group, last, every)
        if not members:
            say(f"{title.replace(chr(10), ', ') or group.task}: no run of it has a checkpoint.")
        for member in members:
            name = f"{title}\nseed {member.run.seed}".strip() if every else title
            try:
                policy = load_policy(member.run.folder, member.learner or None, trust=trust)
            except UsageError as error:
                say(str(error))
                continue
            say(f"episodes of {member.run.folder}")
            _, episodes = play(policy, EPISODES, _SEED, recorded=EPISODES)
            found.append(Trained(name, member, policy, episodes))
    return found


def longest_success(trained: Trained) -> Episode:
    """Of the episodes that reached their goal the one that began farthest from it, up to there;
    where none did, the whole of the one that ended nearest."""
    rollout, task = trained.episodes, trained.task
    running = np.asarray(rollout.running)
    observation = rollout.observation
    inside = at_goal(task, rollout)
    reached = np.any(inside, axis=0)
    achieved = task.achieved_goal(observation.state)
    distance = np.asarray(task.distance(achieved, observation.goal))
    ends = distance[running.sum(axis=0) - 1, np.arange(running.shape[1])]
    merit = np.where(reached, distance[0], -np.inf) if reached.any() else -ends
    number = int(np.argmax(merit))
    kept = running[:, number]
    if reached[number]:
        kept = np.arange(len(kept)) <= np.argmax(inside[:, number])
    states, goals = (np.asarray(x)[kept, number] for x in observation)
    return Episode(number, states, goals, bool(reached[number]))


def at_goal(task: GoalEnvironment, rollout: Rollout) -> np.ndarray:
    """Whether a running episode is inside the success radius, (time, episode)."""
    observation = rollout.observation
    success = task.success(task.achieved_goal(observation.state), observation.goal)
    return np.logical_and(success, rollout.running)


def alone(rollout: Rollout, number: int) -> Rollout:
    """The rollout with one of its episodes only."""
    return jax.tree.map(lambda leaf: leaf[:, number : number + 1], rollout)


def _chosen(group: Group, last: int, every: bool) -> list[ScoredRun]:
    there = [member for member in group.members if list_policies(member.run.folder)]
    return there if every or not there else [median(there, last)]


def _title(comparison: Comparison, group: Group) -> str:
    several = len(comparison.tasks) > 1
    pairs = zip(comparison.columns, group.values, strict=True)
    lines = [f"{column} {in_words(value)}" for column, value in pairs]
    return "\n".join([*([group.task] if several else []), *lines])

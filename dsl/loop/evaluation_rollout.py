"""Evaluates policies: runs the episodes of each evaluation and records some of them."""

import zlib
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from components.environments.core.goal_environment import EnvState, Observation
from components.protocols import Metrics
from dsl.loop.evaluation_metrics import Episodes
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.loop.program import LearnerStates, Program, prefix_metrics
from dsl.loop.sharding import SHARD_AXIS0, constrain, per_device, splitting_batches

# The stream of the action keys. Reset keys are `split(key, B)`, which equal `fold_in(key, i)` of
# the episodes' numbers i: this number is beyond every one of them.
_ACTIONS = 2**31 - 1


class Rollout(NamedTuple):
    """Evaluation episodes for drawing, leaves (time, episode, ...).

    Attributes:
        state: of the environment, before each step.
        observation: before each step.
        running: whether the episode had not ended yet.
    """

    state: EnvState
    observation: Observation
    running: Array


def evaluate(
    program: Program, learners: LearnerStates, key: Key[Array, ""]
) -> tuple[Metrics, Rollout]:
    """Run every evaluation; all learners play the same episodes.

    Returns:
        Means over the episodes, called `EVALUATION/METRIC`, or `EVALUATION/LEARNER/METRIC` if there
        are several learners; and some of the collector's episodes of the primary evaluation.
    """
    metrics, rollouts = {}, {}
    for name in program.evaluations:
        own_key = _evaluation_key(program, name, key)
        found, rollouts[name] = _evaluate_one(program, name, learners, own_key)
        metrics |= {f"{name}/{metric}": value for metric, value in found.items()}
    return metrics, rollouts[program.primary_evaluation]


def _evaluation_key(program: Program, name: str, key: Key[Array, ""]) -> Key[Array, ""]:
    """Derive an evaluation's key; the primary one draws the same episodes as it would alone."""
    if name == program.primary_evaluation:
        return key
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _evaluate_one(
    program: Program, name: str, learners: LearnerStates, key: Key[Array, ""]
) -> tuple[Metrics, Rollout]:
    evaluation, names = program.evaluations[name], list(program.learners)
    environment = evaluation.environment
    assert environment is not None
    # All episodes of all learners in one batch: the physics is compiled once.
    keys = jnp.tile(evaluation.reset_keys(key), len(names))
    keys = constrain(program, keys, SHARD_AXIS0)
    start = per_device(program, jax.vmap(environment.reset), SHARD_AXIS0, SHARD_AXIS0)(keys)
    step_envs = per_device(program, jax.vmap(environment.step), SHARD_AXIS0, SHARD_AXIS0)
    action_keys = jax.random.fold_in(key, _ACTIONS)
    recorded = _recorded_episodes(program, len(keys) // len(names))

    def step(carry: tuple, index: Array) -> tuple[tuple, Any]:
        state, timestep, running = carry
        observation = timestep.observation
        action_key = jax.random.fold_in(action_keys, index)
        action = _evaluation_actions(program, learners, observation, action_key)
        next_state, next_timestep = step_envs(state, action)
        shown = jax.tree.map(lambda x: x[recorded], (state, observation, running))
        # A finished episode stands still, so that the last carry holds every episode's end.
        state, timestep = _select(running, (next_state, next_timestep), (state, timestep))
        success = timestep.extras["success"] & running
        seen = (observation, action, success, timestep.extras["distance"], running)
        return (state, timestep, running & ~timestep.last()), (seen, shown)

    steps = jnp.arange(environment.episode_length, dtype=jnp.int32)
    running = jnp.ones(len(keys), bool)
    (_, end, _), (seen, shown) = jax.lax.scan(step, (*start, running), steps)
    metrics = {}
    for i, learner in enumerate(names):
        mine = _episodes_of(i, len(keys) // len(names))
        first = start[1].extras["success"]
        measured = _measure(evaluation, seen, end.extras, first, mine)
        metrics |= prefix_metrics(program, learner, measured)
    return metrics, Rollout(*shown)


def _measure(
    evaluation: FreshEpisodes, seen: tuple, final: dict[str, Array], first: Array, mine: slice
) -> Metrics:
    """Return the means over some of the episodes."""
    episodes = Episodes(
        *jax.tree.map(lambda x: x[:, mine], seen),
        final_success=final["success"][mine],
        final_distance=final["distance"][mine],
        success_at_start=first[mine],
    )
    measured = {name: metric(episodes) for name, metric in evaluation.metrics.items()}
    for name, values in measured.items():
        # Of a number per step as well, the mean would be over steps and episodes together.
        message = f"the metric {name} must return a number per episode"
        chex.assert_shape(values, episodes.final_success.shape, custom_message=message)
    return {name: jnp.mean(values.astype(jnp.float32)) for name, values in measured.items()}


def _episodes_of(learner: int, episodes: int) -> slice:
    """Return the part of the batch that belongs to the learner with this number."""
    return slice(learner * episodes, (learner + 1) * episodes)


def _recorded_episodes(program: Program, episodes: int) -> slice:
    """Return evenly spaced episodes of the collector, so that every device has some of them."""
    mine = _episodes_of(list(program.learners).index(program.collector), episodes)
    count = min(program.recorded_episodes, episodes)
    distance = episodes // count
    return slice(mine.start, mine.start + count * distance, distance)


def _evaluation_actions(
    program: Program, learners: LearnerStates, observation: Observation, key: Key[Array, ""]
) -> Array:
    """Return each learner's actions in its own part of the batch."""
    episodes = observation.state.shape[0] // len(program.learners)
    actions = []
    for i, (name, learner) in enumerate(program.learners.items()):
        mine = _episodes_of(i, episodes)
        networks = learners[name].networks
        state, goal = observation.state[mine], observation.goal[mine]
        with splitting_batches(program):
            actions.append(learner.evaluation_actions(networks, state, goal, key))
    return jnp.concatenate(actions)


def _select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select along the leading axis of every leaf, typed keys included."""
    return jax.tree.map(jax.vmap(jnp.where), jax.tree.map(lambda _: condition, new), new, old)

"""How well policies do: episodes from fresh starts, scored, some of them kept to be drawn."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from components.environments.core.goal_environment import EnvState, Observation
from components.protocols import Metrics
from dsl.loop.program import LearnerStates, Program, prefix_metrics
from dsl.loop.sharding import SHARD_AXIS0, constrain, per_device


class Rollout(NamedTuple):
    """Evaluation episodes to be drawn, leaves (time, episode, ...).

    Attributes:
        state: of the environment, before each step.
        observation: likewise.
        running: whether the episode had not ended yet.
    """

    state: EnvState
    observation: Observation
    running: Array


def evaluate(
    program: Program, learners: LearnerStates, key: Key[Array, ""]
) -> tuple[Metrics, Rollout]:
    """Score every learner's policy on the same fresh episodes, each up to its first end.

    Returns:
        `eval/success_rate` (share of episodes ever inside the success radius), `eval/time_at_goal`
        (steps inside it per episode), `eval/final_success`, `eval/final_distance` (metres, at the
        episode's last step), `eval/episode_length` (steps); and some of the collector's episodes.
    """
    environment, names = program.eval_environment, list(program.learners)
    # All episodes of all learners side by side: the physics is compiled once.
    keys = jnp.tile(jax.random.split(key, program.eval_episodes), len(names))
    keys = constrain(program, keys, SHARD_AXIS0)
    start = per_device(program, jax.vmap(environment.reset), SHARD_AXIS0, SHARD_AXIS0)(keys)
    advance = per_device(program, jax.vmap(environment.step), SHARD_AXIS0, SHARD_AXIS0)
    running = jnp.ones(len(keys), bool)
    recorded = _recorded_episodes(program)

    def step(carry: tuple, index: Array) -> tuple[tuple, Any]:
        state, timestep, running = carry
        observation = timestep.observation
        action = _evaluated_actions(program, learners, observation, jax.random.fold_in(key, index))
        next_state, next_timestep = advance(state, action)
        shown = jax.tree.map(lambda x: x[recorded], (state, observation, running))
        # A finished episode stands still, so that the last carry holds every episode's end.
        state, timestep = _where(running, (next_state, next_timestep), (state, timestep))
        inside = timestep.extras["success"] & running
        return (state, timestep, running & ~timestep.last()), (inside, running, shown)

    steps = jnp.arange(environment.episode_length, dtype=jnp.int32)
    (_, end, _), (inside, ran, shown) = jax.lax.scan(step, (*start, running), steps)
    metrics = {}
    for i, name in enumerate(names):
        scores = _scores(end.extras, inside, ran, _episodes(program, i))
        metrics.update(prefix_metrics(program, name, scores))
    return {f"eval/{name}": value for name, value in metrics.items()}, Rollout(*shown)


def _episodes(program: Program, learner: int) -> slice:
    """The share of the episodes, side by side, that the learner of this number has."""
    return slice(learner * program.eval_episodes, (learner + 1) * program.eval_episodes)


def _recorded_episodes(program: Program) -> slice:
    """Episodes of the collector at equal distances, so that every device has some of them."""
    mine = _episodes(program, list(program.learners).index(program.collector))
    count = min(program.recorded_episodes, program.eval_episodes)
    distance = program.eval_episodes // count
    return slice(mine.start, mine.start + count * distance, distance)


def _evaluated_actions(
    program: Program, learners: LearnerStates, observation: Observation, key: Key[Array, ""]
) -> Array:
    """Each learner's actions in its own share of the episodes."""
    actions = []
    for i, (name, learner) in enumerate(program.learners.items()):
        mine = _episodes(program, i)
        networks = learners[name].networks
        state, goal = observation.state[mine], observation.goal[mine]
        actions.append(learner.evaluation_actions(networks, state, goal, key))
    return jnp.concatenate(actions)


def _scores(extras: dict[str, Array], inside: Array, ran: Array, episodes: slice) -> Metrics:
    """Means over some episodes; `inside` and `ran` are (time, episodes)."""
    inside, ran = inside[:, episodes], ran[:, episodes]
    scores = {
        "success_rate": inside.any(axis=0),
        "time_at_goal": inside.sum(axis=0),
        "final_success": extras["success"][episodes],
        "final_distance": extras["distance"][episodes],
        "episode_length": ran.sum(axis=0),
    }
    return {name: jnp.mean(score.astype(jnp.float32)) for name, score in scores.items()}


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select along the leading axis of every leaf, typed keys included."""
    return jax.tree.map(jax.vmap(jnp.where), jax.tree.map(lambda _: condition, new), new, old)

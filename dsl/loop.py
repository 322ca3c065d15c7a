"""The one compiled loop: collect, insert, sample, update, evaluate. Pure functions, no host work.

Randomness is `fold_in(key, counter)` of the run's one key, so that no key is carried along and a run
continued from a saved state repeats the uninterrupted one.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree
from jumanji.types import TimeStep

from components.batch import Replay
from components.buffers import BufferState, Row, TrajectoryBuffer
from components.environments.auto_reset import step_or_reset
from components.environments.goal_environment import GoalEnvironment, State
from components.learner import Learner, LearnerState, Metrics, act, act_greedily

# Streams of random numbers within one iteration.
_COLLECT, _SAMPLE, _RELABEL, _UPDATE = range(4)
# Streams of the whole run.
_NETWORKS, _RESETS, _ITERATIONS, _EVALUATIONS = range(4)


class Program(eqx.Module):
    """Everything of a run that does not change while it runs.

    Attributes:
        environment: task that data is collected in.
        eval_environment: task that the policy is scored on; same sizes.
        learner: see `components.learner`.
        buffer: see `components.buffers`.
        num_envs: parallel environments.
        unroll_length: environment steps of each per iteration.
        updates_per_iteration: gradient updates after each unroll.
        batch_size: transitions per update.
        iterations_per_epoch: unrolls (with their updates) between two evaluations.
        eval_episodes: episodes per evaluation, in parallel.
        pictured_episodes: how many of them are kept to be drawn.
    """

    environment: GoalEnvironment = eqx.field(static=True)
    eval_environment: GoalEnvironment = eqx.field(static=True)
    learner: Learner
    buffer: TrajectoryBuffer
    num_envs: int = eqx.field(static=True)
    unroll_length: int = eqx.field(static=True)
    updates_per_iteration: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    iterations_per_epoch: int = eqx.field(static=True)
    eval_episodes: int = eqx.field(static=True)
    pictured_episodes: int = eqx.field(static=True, default=8)


class Lanes(NamedTuple):
    """The parallel environments: their states, last timesteps, and the number of their episode."""

    state: State
    timestep: TimeStep
    episode: Int[Array, " lanes"]


class TrainState(eqx.Module):
    """Everything of a run that changes: one tree of arrays.

    Attributes:
        key: the run's key; constant.
        iteration: unrolls made so far, those that filled the buffer included.
    """

    key: Key[Array, ""]
    iteration: Int[Array, ""]
    learner: LearnerState
    lanes: Lanes
    buffer: BufferState


class Rollout(NamedTuple):
    """Evaluation episodes to be drawn: states (time, episode, ...) and whether they still ran."""

    state: State
    running: Array


def init(program: Program, seed: Int[Array, ""]) -> TrainState:
    """The state of a run before its first step."""
    key = jax.random.key(seed)
    sizes = program.environment.sizes
    reset_keys = jax.random.split(jax.random.fold_in(key, _RESETS), program.num_envs)
    state, timestep = jax.vmap(program.environment.reset)(reset_keys)
    return TrainState(
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        learner=program.learner.init(sizes, jax.random.fold_in(key, _NETWORKS)),
        lanes=Lanes(state, timestep, jnp.zeros(program.num_envs, jnp.int32)),
        buffer=program.buffer.init(sizes, program.num_envs),
    )


def fill(program: Program, state: TrainState, iterations: int) -> TrainState:
    """Unrolls of the untrained policy into the buffer, without updates."""
    return jax.lax.fori_loop(0, iterations, lambda _, s: _next(_collect(program, s)), state)


def train_epoch(program: Program, state: TrainState) -> tuple[TrainState, Metrics, Rollout]:
    """`iterations_per_epoch` iterations, then an evaluation.

    Returns:
        The next state, metrics under `train/` (means over the epoch's updates) and `eval/`, and the
        first evaluation episodes.
    """
    state, train = jax.lax.scan(
        lambda s, _: iteration(program, s), state, None, program.iterations_per_epoch
    )
    evaluation, rollout = evaluate(program, state.learner, evaluation_key(state))
    metrics = {f"train/{name}": jnp.mean(value) for name, value in train.items()}
    return state, {**metrics, **evaluation}, rollout


def iteration(program: Program, state: TrainState) -> tuple[TrainState, Metrics]:
    """One unroll of every environment, then the updates; metrics are means over the updates."""
    state = _collect(program, state)
    replay = Replay(program.buffer, state.buffer, program.environment)
    key = _iteration_key(state)

    def update(learner: LearnerState, index: Array) -> tuple[LearnerState, Metrics]:
        keys = [
            jax.random.fold_in(jax.random.fold_in(key, stream), index)
            for stream in (_SAMPLE, _RELABEL, _UPDATE)
        ]
        anchors = program.buffer.sample(state.buffer, keys[0], program.batch_size)
        batch = program.learner.batch(replay, anchors, keys[1])
        return program.learner.update(learner, batch, keys[2])

    indices = jnp.arange(program.updates_per_iteration, dtype=jnp.int32)
    learner, metrics = jax.lax.scan(update, state.learner, indices)
    state = eqx.tree_at(lambda s: s.learner, state, learner)
    return _next(state), jax.tree.map(jnp.mean, metrics)


def _collect(program: Program, state: TrainState) -> TrainState:
    """Step every environment `unroll_length` times and store what it saw."""
    key = jax.random.fold_in(_iteration_key(state), _COLLECT)
    actor = state.learner.networks.actor

    def step(lanes: Lanes, index: Array) -> tuple[Lanes, Row]:
        observation = lanes.timestep.observation
        action = act(actor, observation.state, observation.goal, jax.random.fold_in(key, index))
        env_state, timestep = jax.vmap(step_or_reset, in_axes=(None, 0, 0, 0))(
            program.environment, lanes.state, lanes.timestep, action
        )
        row = Row(
            state=observation.state,
            goal=observation.goal,
            action=action,
            reward=timestep.reward,
            discount=timestep.discount,
            episode=lanes.episode,
        )
        episode = lanes.episode + lanes.timestep.last().astype(jnp.int32)
        return Lanes(env_state, timestep, episode), row

    steps = jnp.arange(program.unroll_length, dtype=jnp.int32)
    lanes, block = jax.lax.scan(step, state.lanes, steps)
    buffer = program.buffer.insert(state.buffer, block)
    return eqx.tree_at(lambda s: (s.lanes, s.buffer), state, (lanes, buffer))


def evaluate(
    program: Program, learner: LearnerState, key: Key[Array, ""]
) -> tuple[Metrics, Rollout]:
    """Score the mode of the policy on fresh episodes, each up to its first end.

    Returns:
        `eval/success_rate` (share of episodes ever inside the success radius), `eval/time_at_goal`
        (steps inside it per episode), `eval/final_success`, `eval/final_distance` (metres, at the
        episode's last step), `eval/episode_length` (steps); and the first episodes.
    """
    environment = program.eval_environment
    actor = learner.networks.actor
    keys = jax.random.split(key, program.eval_episodes)
    start = jax.vmap(environment.reset)(keys)
    running = jnp.ones(program.eval_episodes, bool)

    def step(carry: tuple, _: None) -> tuple[tuple, Any]:
        state, timestep, running = carry
        observation = timestep.observation
        action = act_greedily(actor, observation.state, observation.goal)
        next_state, next_timestep = jax.vmap(environment.step)(state, action)
        shown = jax.tree.map(lambda x: x[: program.pictured_episodes], (state, running))
        # A finished episode stands still, so that the last carry holds every episode's end.
        state, timestep = _where(running, (next_state, next_timestep), (state, timestep))
        inside = timestep.extras["success"] & running
        return (state, timestep, running & ~timestep.last()), (inside, running, shown)

    (_, end, _), (inside, ran, shown) = jax.lax.scan(
        step, (*start, running), None, environment.episode_length
    )
    mean = lambda x: jnp.mean(x.astype(jnp.float32))  # noqa: E731
    metrics = {
        "eval/success_rate": mean(inside.any(axis=0)),
        "eval/time_at_goal": mean(inside.sum(axis=0)),
        "eval/final_success": mean(end.extras["success"]),
        "eval/final_distance": mean(end.extras["distance"]),
        "eval/episode_length": mean(ran.sum(axis=0)),
    }
    return metrics, Rollout(*shown)


def evaluation_key(state: TrainState) -> Key[Array, ""]:
    """The key of the evaluation that follows the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, _EVALUATIONS), state.iteration)


def _iteration_key(state: TrainState) -> Key[Array, ""]:
    return jax.random.fold_in(jax.random.fold_in(state.key, _ITERATIONS), state.iteration)


def _next(state: TrainState) -> TrainState:
    return eqx.tree_at(lambda s: s.iteration, state, state.iteration + 1)


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select along the leading axis of every leaf, typed keys included."""
    return jax.tree.map(jax.vmap(jnp.where), jax.tree.map(lambda _: condition, new), new, old)

"""The one compiled loop: collect, insert, sample, update, evaluate. Pure functions, no host work.

Randomness is `fold_in(key, counter)` of the run's one key, so that no key is carried along and a
run continued from a saved state repeats the uninterrupted one.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PyTree
from jumanji.types import TimeStep

from components.batch import Replay
from components.buffers import BufferState, Row, TrajectoryBuffer
from components.environments.auto_reset import step_or_reset
from components.environments.goal_environment import GoalEnvironment, Observation, State
from components.learner import ActorCritic, LearnerState, Metrics, act, act_greedily

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
        batch_size: transitions per update.
        eval_episodes: episodes per evaluation, in parallel.
        fixed_starts: whether every environment repeats one start and goal for the whole run.
        pictured_episodes: how many of them are kept to be drawn.
    """

    environment: GoalEnvironment = eqx.field(static=True)
    eval_environment: GoalEnvironment = eqx.field(static=True)
    learner: ActorCritic
    buffer: TrajectoryBuffer
    num_envs: int = eqx.field(static=True)
    unroll_length: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    eval_episodes: int = eqx.field(static=True)
    fixed_starts: bool = eqx.field(static=True, default=False)
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
        iteration: unrolls made so far.
    """

    key: Key[Array, ""]
    iteration: Int[Array, ""]
    learner: LearnerState
    lanes: Lanes
    buffer: BufferState


# The state, metrics summed over updates, and the episodes that broken physics has ended.
Carry = tuple[TrainState, Metrics, Int[Array, ""]]


class Rollout(NamedTuple):
    """Evaluation episodes to be drawn, leaves (time, episode, ...).

    Attributes:
        state: of the environment, before each step.
        observation: likewise.
        running: whether the episode had not ended yet.
    """

    state: State
    observation: Observation
    running: Array


def init(program: Program, seed: Int[Array, ""]) -> TrainState:
    """The state of a run before its first step."""
    key = jax.random.key(seed)
    sizes = program.environment.sizes
    state, timestep = jax.vmap(program.environment.reset)(_first_keys(program, key))
    return TrainState(
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        learner=program.learner.init(sizes, jax.random.fold_in(key, _NETWORKS)),
        lanes=Lanes(state, timestep, jnp.zeros(program.num_envs, jnp.int32)),
        buffer=program.buffer.init(sizes, program.num_envs),
    )


def _first_keys(program: Program, key: Key[Array, ""]) -> Key[Array, " lanes"]:
    """Keys of the first episode of every environment."""
    return jax.random.split(jax.random.fold_in(key, _RESETS), program.num_envs)


def epoch(
    program: Program, state: TrainState, iterations: Int[Array, ""], updates: Int[Array, ""]
) -> tuple[TrainState, Metrics, Rollout]:
    """Unrolls, each followed by gradient updates, and an evaluation at the end.

    The counts are arrays, so that one compiled program also fills the buffer (no updates).

    Args:
        program: what runs.
        state: where the run stands.
        iterations: unrolls of all environments.
        updates: gradient updates after each.

    Returns:
        The next state, metrics under `train/` (means over all updates, NaN where there were none;
        `nonfinite_resets` is a count of episodes ended by broken physics) and `eval/`, and the
        first evaluation episodes.
    """
    state, sums, broken = jax.lax.fori_loop(
        0,
        iterations,
        lambda _, carry: iteration(program, carry, updates),
        (state, _no_metrics(program, state), jnp.zeros((), jnp.int32)),
    )
    evaluation, rollout = evaluate(program, state.learner, _stream(state, _EVALUATIONS))
    count = (iterations * updates).astype(jnp.float32)
    train = {f"train/{name}": total / count for name, total in sums.items()}
    train["train/nonfinite_resets"] = broken.astype(jnp.float32)
    return state, {**train, **evaluation}, rollout


def iteration(program: Program, carry: Carry, updates: Int[Array, ""]) -> Carry:
    """One unroll of every environment, then the updates, whose metrics are added up."""
    state, sums, broken = carry
    state, newly_broken = _collect(program, state)

    def update(index: Array, carry: tuple[LearnerState, Metrics]) -> tuple[LearnerState, Metrics]:
        learner, sums = carry
        learner, metrics = _update(program, state, learner, index)
        return learner, jax.tree.map(jnp.add, sums, metrics)

    learner, sums = jax.lax.fori_loop(0, updates, update, (state.learner, sums))
    state = eqx.tree_at(lambda s: (s.learner, s.iteration), state, (learner, state.iteration + 1))
    return state, sums, broken + newly_broken


def _update(
    program: Program, state: TrainState, learner: LearnerState, index: Array
) -> tuple[LearnerState, Metrics]:
    """Draw a batch and take one gradient step of every network."""
    key = _stream(state, _ITERATIONS)
    sample, relabel, update = (
        jax.random.fold_in(jax.random.fold_in(key, stream), index)
        for stream in (_SAMPLE, _RELABEL, _UPDATE)
    )
    replay = Replay(program.buffer, state.buffer, program.environment)
    anchors = program.buffer.sample(state.buffer, sample, program.batch_size)
    batch = program.learner.batch(replay, anchors, relabel)
    return program.learner.update(learner, batch, update)


def _no_metrics(program: Program, state: TrainState) -> Metrics:
    shapes = jax.eval_shape(
        lambda s: _update(program, s, s.learner, jnp.zeros((), jnp.int32))[1], state
    )
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def _collect(program: Program, state: TrainState) -> tuple[TrainState, Int[Array, ""]]:
    """Step every environment `unroll_length` times and store what it saw.

    Also returns how many episodes ended because their physics broke.
    """
    key = jax.random.fold_in(_stream(state, _ITERATIONS), _COLLECT)
    actor = state.learner.networks.actor

    first_keys = _first_keys(program, state.key)

    def step(lanes: Lanes, index: Array) -> tuple[Lanes, tuple[Row, Array]]:
        observation = lanes.timestep.observation
        reset_keys = first_keys if program.fixed_starts else lanes.state.key
        action = act(actor, observation.state, observation.goal, jax.random.fold_in(key, index))
        env_state, timestep = jax.vmap(step_or_reset, in_axes=(None, 0, 0, 0, 0))(
            program.environment, lanes.state, lanes.timestep, action, reset_keys
        )
        row = Row(
            state=observation.state,
            goal=observation.goal,
            action=action,
            reward=jnp.asarray(timestep.reward),
            discount=jnp.asarray(timestep.discount),
            episode=lanes.episode,
        )
        episode = lanes.episode + lanes.timestep.last().astype(jnp.int32)
        return Lanes(env_state, timestep, episode), (row, timestep.extras["nonfinite"])

    steps = jnp.arange(program.unroll_length, dtype=jnp.int32)
    lanes, (block, broken) = jax.lax.scan(step, state.lanes, steps)
    buffer = program.buffer.insert(state.buffer, block)
    state = eqx.tree_at(lambda s: (s.lanes, s.buffer), state, (lanes, buffer))
    return state, jnp.sum(broken, dtype=jnp.int32)


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
        now = (state, observation, running)
        shown = jax.tree.map(lambda x: x[: program.pictured_episodes], now)
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


def _stream(state: TrainState, stream: int) -> Key[Array, ""]:
    """The key of one of the run's streams, after the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.iteration)


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select along the leading axis of every leaf, typed keys included."""
    return jax.tree.map(jax.vmap(jnp.where), jax.tree.map(lambda _: condition, new), new, old)

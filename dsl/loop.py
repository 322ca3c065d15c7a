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
from components.learner import ActorCritic, LearnerState, Metrics, act

# Streams of random numbers within one iteration.
_COLLECT, _SAMPLE, _RELABEL, _UPDATE = range(4)
# Streams of the whole run.
_NETWORKS, _RESETS, _ITERATIONS, _EVALUATIONS = range(4)


class Program(eqx.Module):
    """Everything of a run that does not change while it runs.

    Attributes:
        environment: task that data is collected in.
        eval_environment: task that the policy is scored on; same sizes.
        learners: by name; see `components.learner`. All train on the same transitions.
        collector: name of the learner whose policy fills the buffer.
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
    learners: dict[str, ActorCritic]
    collector: str = eqx.field(static=True)
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
        learners: by name.
        lanes: the parallel environments.
        buffer: what they have been through.
    """

    key: Key[Array, ""]
    iteration: Int[Array, ""]
    learners: dict[str, LearnerState]
    lanes: Lanes
    buffer: BufferState


Learners = dict[str, LearnerState]
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
        learners={
            name: learner.init(sizes, jax.random.fold_in(key, _NETWORKS))
            for name, learner in program.learners.items()
        },
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
        (state, no_metrics(program, state), jnp.zeros((), jnp.int32)),
    )
    evaluation, rollout = evaluate(program, state.learners, _stream(state, _EVALUATIONS))
    count = (iterations * updates).astype(jnp.float32)
    train = {f"train/{name}": total / count for name, total in sums.items()}
    train["train/nonfinite_resets"] = broken.astype(jnp.float32)
    return state, {**train, **evaluation}, rollout


def iteration(program: Program, carry: Carry, updates: Int[Array, ""]) -> Carry:
    """One unroll of every environment, then the updates, whose metrics are added up."""
    state, sums, broken = carry
    state, newly_broken = _collect(program, state)

    def update(index: Array, carry: tuple[Learners, Metrics]) -> tuple[Learners, Metrics]:
        learners, sums = carry
        learners, metrics = _update(program, state, learners, index)
        return learners, jax.tree.map(jnp.add, sums, metrics)

    learners, sums = jax.lax.fori_loop(0, updates, update, (state.learners, sums))
    state = eqx.tree_at(lambda s: (s.learners, s.iteration), state, (learners, state.iteration + 1))
    return state, sums, broken + newly_broken


def _update(
    program: Program, state: TrainState, learners: Learners, index: Array
) -> tuple[Learners, Metrics]:
    """Draw transitions and take one gradient step of every network of every learner."""
    key = _stream(state, _ITERATIONS)
    sample, relabel, update = (
        jax.random.fold_in(jax.random.fold_in(key, stream), index)
        for stream in (_SAMPLE, _RELABEL, _UPDATE)
    )
    replay = Replay(program.buffer, state.buffer, program.environment)
    anchors = program.buffer.sample(state.buffer, sample, program.batch_size)
    updated, metrics = {}, {}
    for name, learner in program.learners.items():
        # One key for all: learners that relabel alike see the same goals.
        batch = learner.batch(replay, anchors, relabel)
        updated[name], found = learner.update(learners[name], batch, update)
        metrics.update(_prefixed(program, name, found))
    return updated, metrics


def _prefixed(program: Program, learner: str, metrics: Metrics) -> Metrics:
    """Metrics under the learner's name, where there are several learners."""
    prefix = f"{learner}/" if len(program.learners) > 1 else ""
    return {f"{prefix}{name}": value for name, value in metrics.items()}


def no_metrics(program: Program, state: TrainState) -> Metrics:
    """The sums of all metrics over no update; traces one."""
    shapes = jax.eval_shape(
        lambda s: _update(program, s, s.learners, jnp.zeros((), jnp.int32))[1], state
    )
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def _collect(program: Program, state: TrainState) -> tuple[TrainState, Int[Array, ""]]:
    """Step every environment `unroll_length` times and store what it saw.

    Also returns how many episodes ended because their physics broke.
    """
    key = jax.random.fold_in(_stream(state, _ITERATIONS), _COLLECT)
    acting = program.learners[program.collector].collecting
    networks = state.learners[program.collector].networks
    first_keys = _first_keys(program, state.key)

    def step(lanes: Lanes, index: Array) -> tuple[Lanes, tuple[Row, Array]]:
        observation = lanes.timestep.observation
        reset_keys = first_keys if program.fixed_starts else lanes.state.key
        step_key = jax.random.fold_in(key, index)
        action = act(acting, networks, observation.state, observation.goal, step_key)
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


def evaluate(program: Program, learners: Learners, key: Key[Array, ""]) -> tuple[Metrics, Rollout]:
    """Score every learner's policy on the same fresh episodes, each up to its first end.

    Returns:
        `eval/success_rate` (share of episodes ever inside the success radius), `eval/time_at_goal`
        (steps inside it per episode), `eval/final_success`, `eval/final_distance` (metres, at the
        episode's last step), `eval/episode_length` (steps); and the collector's first episodes.
    """
    environment, names = program.eval_environment, list(program.learners)
    # All episodes of all learners side by side: the physics is compiled once.
    keys = jnp.tile(jax.random.split(key, program.eval_episodes), len(names))
    start = jax.vmap(environment.reset)(keys)
    running = jnp.ones(len(keys), bool)
    pictured = names.index(program.collector) * program.eval_episodes

    def step(carry: tuple, index: Array) -> tuple[tuple, Any]:
        state, timestep, running = carry
        observation = timestep.observation
        action = _evaluated_actions(program, learners, observation, jax.random.fold_in(key, index))
        next_state, next_timestep = jax.vmap(environment.step)(state, action)
        shown = jax.tree.map(
            lambda x: x[pictured : pictured + program.pictured_episodes],
            (state, observation, running),
        )
        # A finished episode stands still, so that the last carry holds every episode's end.
        state, timestep = _where(running, (next_state, next_timestep), (state, timestep))
        inside = timestep.extras["success"] & running
        return (state, timestep, running & ~timestep.last()), (inside, running, shown)

    steps = jnp.arange(environment.episode_length, dtype=jnp.int32)
    (_, end, _), (inside, ran, shown) = jax.lax.scan(step, (*start, running), steps)
    metrics = {}
    for i, name in enumerate(names):
        episodes = slice(i * program.eval_episodes, (i + 1) * program.eval_episodes)
        scores = _scores(end.extras, inside, ran, episodes)
        metrics.update(_prefixed(program, name, scores))
    return {f"eval/{name}": value for name, value in metrics.items()}, Rollout(*shown)


def _evaluated_actions(
    program: Program, learners: Learners, observation: Observation, key: Key[Array, ""]
) -> Array:
    """Each learner's actions in its own share of the episodes."""
    actions = []
    for i, (name, learner) in enumerate(program.learners.items()):
        mine = slice(i * program.eval_episodes, (i + 1) * program.eval_episodes)
        networks = learners[name].networks
        state, goal = observation.state[mine], observation.goal[mine]
        actions.append(act(learner.evaluating, networks, state, goal, key))
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


def _stream(state: TrainState, stream: int) -> Key[Array, ""]:
    """The key of one of the run's streams, after the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.iteration)


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select along the leading axis of every leaf, typed keys included."""
    return jax.tree.map(jax.vmap(jnp.where), jax.tree.map(lambda _: condition, new), new, old)

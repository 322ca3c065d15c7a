"""The one compiled loop: collect, insert, sample, update, evaluate. Pure functions, no host work.

Randomness is `fold_in(key, counter)` of the run's one key, so that no key is carried along and a
run continued from a saved state repeats the uninterrupted one.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from components.batch import Replay
from components.buffers import Row
from components.environments.auto_reset import step_or_reset
from components.learner import Metrics, act
from dsl.devices import SPLIT, SPLIT_SECOND, WHOLE, each_alone, laid_out, of_buffer, state_laid_out
from dsl.evaluation import Rollout, evaluate
from dsl.program import Lanes, Learners, Program, TrainState, prefixed

# Streams of random numbers within one iteration.
_COLLECT, _SAMPLE, _RELABEL, _UPDATE = range(4)
# Streams of the whole run.
_NETWORKS, _RESETS, _ITERATIONS, _EVALUATIONS = range(4)


# The state, metrics summed over updates, and the episodes that broken physics has ended.
Carry = tuple[TrainState, Metrics, Int[Array, ""]]


def init(program: Program, seed: Int[Array, ""]) -> TrainState:
    """The state of a run before its first step."""
    key = jax.random.key(seed)
    sizes = program.environment.sizes
    state, timestep = jax.vmap(program.environment.reset)(_first_keys(program, key))
    state = TrainState(
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        learners={
            name: learner.init(sizes, jax.random.fold_in(key, _NETWORKS))
            for name, learner in program.learners.items()
        },
        lanes=Lanes(state, timestep, jnp.zeros(program.num_envs, jnp.int32)),
        buffer=program.buffer.init(sizes, program.num_envs),
    )
    return state_laid_out(program, state)


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
    evaluation, rollout = score(program, state)
    return state, {**train_metrics(sums, broken, iterations * updates), **evaluation}, rollout


def iteration(program: Program, carry: Carry, updates: Int[Array, ""]) -> Carry:
    """One unroll of every environment, then the updates, whose metrics are added up."""
    state, sums, broken = carry
    lanes, block, newly_broken = collect(program, state)
    state = eqx.tree_at(lambda s: s.lanes, state, lanes)
    state, sums = learn(program, state, block, sums, updates)
    return state_laid_out(program, state), sums, broken + newly_broken


def learn(
    program: Program, state: TrainState, block: Row, sums: Metrics, updates: Int[Array, ""]
) -> tuple[TrainState, Metrics]:
    """Store what was seen and take the updates; needs no environments.

    Args:
        program: what runs.
        state: where the run stands.
        block: rows of the latest unroll.
        sums: of the metrics so far.
        updates: gradient updates to be taken.
    """
    layout = of_buffer(state.buffer)
    insert = each_alone(program, program.buffer.insert, (layout, SPLIT_SECOND), layout)
    state = eqx.tree_at(lambda s: s.buffer, state, insert(state.buffer, block))

    def update(index: Array, carry: tuple[Learners, Metrics]) -> tuple[Learners, Metrics]:
        learners, sums = carry
        learners, metrics = _update(program, state, learners, index)
        return learners, jax.tree.map(jnp.add, sums, metrics)

    learners, sums = jax.lax.fori_loop(0, updates, update, (state.learners, sums))
    next_iteration = state.iteration + 1
    state = eqx.tree_at(lambda s: (s.learners, s.iteration), state, (learners, next_iteration))
    return state, sums


def score(program: Program, state: TrainState) -> tuple[Metrics, Rollout]:
    """The evaluation that is due after the iterations made so far; needs the networks alone."""
    return evaluate(program, state.learners, _stream(state, _EVALUATIONS))


def train_metrics(sums: Metrics, broken: Int[Array, ""], count: Int[Array, ""]) -> Metrics:
    """Means over `count` updates under `train/`, and the count of broken episodes."""
    means = {f"train/{name}": total / count.astype(jnp.float32) for name, total in sums.items()}
    return {**means, "train/nonfinite_resets": broken.astype(jnp.float32)}


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
    # Every device finds the rows among its own lanes and takes its share of the batch.
    anchors = program.buffer.sample(state.buffer, sample, program.batch_size)
    anchors = laid_out(program, anchors, WHOLE)
    updated, metrics = {}, {}
    for name, learner in program.learners.items():
        # One key for all: learners that relabel alike see the same goals.
        batch = laid_out(program, learner.batch(replay, anchors, relabel), SPLIT)
        updated[name], found = learner.update(learners[name], batch, update)
        metrics.update(prefixed(program, name, found))
    return updated, metrics


def no_metrics(program: Program, state: TrainState) -> Metrics:
    """The sums of all metrics over no update; traces one."""
    shapes = jax.eval_shape(
        lambda s: _update(program, s, s.learners, jnp.zeros((), jnp.int32))[1], state
    )
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def collect(program: Program, state: TrainState) -> tuple[Lanes, Row, Int[Array, ""]]:
    """Step every environment `unroll_length` times; needs no buffer.

    Returns:
        The environments after that, the rows they leave, leaves (steps, lanes, ...), and how many
        episodes ended because their physics broke.
    """
    key = jax.random.fold_in(_stream(state, _ITERATIONS), _COLLECT)
    acting = program.learners[program.collector].collecting
    networks = state.learners[program.collector].networks
    first_keys = _first_keys(program, state.key)
    advance = jax.vmap(partial(step_or_reset, program.environment))
    advance = each_alone(program, advance, SPLIT, SPLIT)

    def step(lanes: Lanes, index: Array) -> tuple[Lanes, tuple[Row, Array]]:
        observation = lanes.timestep.observation
        reset_keys = first_keys if program.fixed_starts else lanes.state.key
        step_key = jax.random.fold_in(key, index)
        action = act(acting, networks, observation.state, observation.goal, step_key)
        env_state, timestep = advance(lanes.state, lanes.timestep, action, reset_keys)
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
    return lanes, block, jnp.sum(broken, dtype=jnp.int32)


def _stream(state: TrainState, stream: int) -> Key[Array, ""]:
    """The key of one of the run's streams, after the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.iteration)

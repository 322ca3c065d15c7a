"""The one compiled loop: collect, insert, sample, update, evaluate. Pure functions, no host work.

Randomness is `fold_in(key, counter)` of the run's one key, so that no key is carried along and a
run continued from a saved state repeats the uninterrupted one.
"""

import zlib
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from components.environments.core.auto_reset import step_or_reset
from components.learners.gradient_step import skipped_updates
from components.protocols import Metrics
from components.replay.batch import Replay
from components.replay.trajectory_buffer import Step
from dsl.loop.evaluation import Rollout, evaluate
from dsl.loop.finite_check import Finite, finite
from dsl.loop.program import EnvBatch, EpochState, Learners, Program, TrainState, prefixed
from dsl.loop.sharding import (
    SPLIT,
    SPLIT_SECOND,
    WHOLE,
    each_alone,
    laid_out,
    of_buffer,
    progress_laid_out,
)

# Streams of random numbers within one iteration.
_COLLECT, _SAMPLE, _RELABEL, _UPDATE = range(4)
# Streams of the whole run.
_NETWORKS, _RESETS, _ITERATIONS, _EVALUATIONS = range(4)


def init(program: Program, seed: Int[Array, ""]) -> TrainState:
    """The state of a run before its first step."""
    key = jax.random.key(seed)
    sizes = program.environment.dims
    state, timestep = jax.vmap(program.environment.reset)(_first_keys(program, key))
    return TrainState(
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        learners={
            name: learner.init(sizes, _own(program, name, jax.random.fold_in(key, _NETWORKS)))
            for name, learner in program.learners.items()
        },
        lanes=EnvBatch(state, timestep, jnp.zeros(program.num_envs, jnp.int32)),
        buffer=program.buffer.init(sizes, program.num_envs),
    )


def _own(program: Program, name: str, key: Key[Array, ""]) -> Key[Array, ""]:
    """A learner's own of a key of the run.

    One that is built like the collector is not to be its copy; the collector is what it is alone.
    """
    if name == program.collector:
        return key
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _first_keys(program: Program, key: Key[Array, ""]) -> Key[Array, " lanes"]:
    """Keys of the first episode of every environment."""
    return jax.random.split(jax.random.fold_in(key, _RESETS), program.num_envs)


def begin(program: Program, seed: Int[Array, ""]) -> EpochState:
    """A run before its first step."""
    state = init(program, seed)
    progress = EpochState(state, no_metrics(program, state), jnp.zeros((), jnp.int32))
    return progress_laid_out(program, jax.tree.map(_strongly_typed, progress))


def _strongly_typed(leaf: Array) -> Array:
    """As it comes back from a checkpoint: a weak type would make another program of the loop."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    return jax.lax.convert_element_type(leaf, leaf.dtype)


def advance(
    program: Program, progress: EpochState, iterations: Int[Array, ""], updates: Int[Array, ""]
) -> EpochState:
    """Unrolls, each followed by gradient updates: an epoch, or a part of one.

    The counts are arrays, so that one compiled program also fills the buffer (no updates) and stops
    wherever the host wants to look around.

    Args:
        program: what runs.
        progress: where the run stands.
        iterations: unrolls of all environments.
        updates: gradient updates after each.
    """
    return jax.lax.fori_loop(
        0, iterations, lambda _, progress: iteration(program, progress, updates), progress
    )


def finish(
    program: Program, progress: EpochState, count: Int[Array, ""]
) -> tuple[EpochState, Metrics, Finite, Rollout]:
    """The evaluation at the end of an epoch.

    Args:
        program: what runs.
        progress: after the epoch's last iteration.
        count: gradient updates of the epoch.

    Returns:
        The run at the start of the next epoch; metrics under `train/` (means over the updates, NaN
        where there were none; `nonfinite_resets` and `skipped_updates` are counts) and `eval/`;
        whether each array of the learners is finite, by name; and the first evaluation episodes.
    """
    evaluation, rollout = score(program, progress.state)
    progress, train, good = close(program, progress, count)
    return progress, {**train, **evaluation}, good, rollout


def score(program: Program, state: TrainState) -> tuple[Metrics, Rollout]:
    """The evaluation that is due after the iterations made so far; needs the networks alone."""
    return evaluate(program, state.learners, _stream(state, _EVALUATIONS))


def close(
    program: Program, progress: EpochState, count: Int[Array, ""]
) -> tuple[EpochState, Metrics, Finite]:
    """What `finish` does beside the evaluation."""
    number = count.astype(jnp.float32)
    train = {f"train/{name}": total / number for name, total in progress.sums.items()}
    train |= {f"train/{name}": value for name, value in _counts(program, progress).items()}
    cleared = jax.tree.map(jnp.zeros_like, (progress.sums, progress.broken))
    closed = progress_laid_out(program, EpochState(progress.state, *cleared))
    return closed, train, finite(progress.state.learners)


def _counts(program: Program, progress: EpochState) -> Metrics:
    """Episodes of the epoch that broken physics ended; updates ever skipped, where some may be."""
    counts = {"nonfinite_resets": progress.broken}
    for name, learner in progress.state.learners.items():
        if (skipped := skipped_updates(learner.optimisers)) is not None:
            counts |= prefixed(program, name, {"skipped_updates": skipped})
    return {name: count.astype(jnp.float32) for name, count in counts.items()}


def iteration(program: Program, progress: EpochState, updates: Int[Array, ""]) -> EpochState:
    """One unroll of every environment, then the updates, whose metrics are added up."""
    lanes, block, broken = collect(program, progress.state)
    state = eqx.tree_at(lambda s: s.lanes, progress.state, lanes)
    progress = learn(
        program, EpochState(state, progress.sums, progress.broken + broken), block, updates
    )
    return progress_laid_out(program, progress)


def learn(
    program: Program, progress: EpochState, block: Step, updates: Int[Array, ""]
) -> EpochState:
    """Store what was seen and take the updates; needs no environments.

    Args:
        program: what runs.
        progress: where the run stands.
        block: rows of the latest unroll, leaves (steps, lanes, ...).
        updates: gradient updates to be taken.
    """
    layout = of_buffer(progress.state.buffer)
    insert = each_alone(program, program.buffer.insert, (layout, SPLIT_SECOND), layout)
    buffer = insert(progress.state.buffer, block)
    state = eqx.tree_at(lambda s: s.buffer, progress.state, buffer)

    def update(index: Array, carry: tuple[Learners, Metrics]) -> tuple[Learners, Metrics]:
        learners, sums = carry
        learners, metrics = _update(program, state, learners, index)
        return learners, jax.tree.map(jnp.add, sums, metrics)

    learners, sums = jax.lax.fori_loop(0, updates, update, (state.learners, progress.sums))
    state = eqx.tree_at(lambda s: (s.learners, s.iteration), state, (learners, state.iteration + 1))
    return EpochState(state, sums, progress.broken)


# Traced once per process: the trial when an experiment is built, the shapes of the metrics and the
# loop itself all call it.
@eqx.filter_jit
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
        # One relabelling key for all: learners that relabel alike see the same goals.
        batch = laid_out(program, learner.relabel(replay, anchors, relabel), SPLIT)
        own = _own(program, name, update)
        updated[name], found = learner.update(learners[name], batch, own)
        metrics.update(prefixed(program, name, found))
    return updated, metrics


def no_metrics(program: Program, state: TrainState) -> Metrics:
    """The sums of all metrics over no update; traces one."""
    shapes = jax.eval_shape(
        lambda s: _update(program, s, s.learners, jnp.zeros((), jnp.int32))[1], state
    )
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def collect(program: Program, state: TrainState) -> tuple[EnvBatch, Step, Int[Array, ""]]:
    """Step every environment `unroll_length` times; needs no buffer.

    Returns:
        The environments after that, the rows they leave, leaves (steps, lanes, ...), and how many
        episodes ended because their physics broke.
    """
    key = jax.random.fold_in(_stream(state, _ITERATIONS), _COLLECT)
    learner = program.learners[program.collector]
    networks = state.learners[program.collector].networks
    first_keys = _first_keys(program, state.key)
    advance = jax.vmap(partial(step_or_reset, program.environment))
    advance = each_alone(program, advance, SPLIT, SPLIT)

    def step(lanes: EnvBatch, index: Array) -> tuple[EnvBatch, tuple[Step, Array]]:
        observation = lanes.timestep.observation
        reset_keys = first_keys if program.fixed_starts else lanes.state.key
        step_key = jax.random.fold_in(key, index)
        action = learner.behaviour_actions(networks, observation.state, observation.goal, step_key)
        env_state, timestep = advance(lanes.state, lanes.timestep, action, reset_keys)
        row = Step(
            state=observation.state,
            goal=observation.goal,
            action=action,
            reward=jnp.asarray(timestep.reward),
            discount=jnp.asarray(timestep.discount),
            episode=lanes.episode,
        )
        episode = lanes.episode + lanes.timestep.last().astype(jnp.int32)
        return EnvBatch(env_state, timestep, episode), (row, timestep.extras["nonfinite"])

    steps = jnp.arange(program.unroll_length, dtype=jnp.int32)
    lanes, (block, broken) = jax.lax.scan(step, state.lanes, steps)
    return lanes, block, jnp.sum(broken, dtype=jnp.int32)


def _stream(state: TrainState, stream: int) -> Key[Array, ""]:
    """The key of one of the run's streams, after the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.iteration)

"""Defines the compiled loop: collect, insert, sample, update, evaluate, as pure functions.

Randomness is `fold_in(key, counter)` of the run's one key, so that no key is carried along and a
run resumed from a saved state repeats the uninterrupted one.
"""

import zlib
from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from components.environments.core.auto_reset import step_or_reset
from components.learners.gradient_step import skipped_updates
from components.optimisers.schedules import spanning
from components.protocols import Metrics
from components.replay.batch import Replay
from components.replay.trajectory_buffer import BufferState, Step
from dsl.loop.evaluation_rollout import Rollout, evaluate
from dsl.loop.finite_check import FiniteFlags, finite_flags
from dsl.loop.learning_rates import learning_rates
from dsl.loop.program import EnvBatch, LearnerStates, Program, TrainState, prefix_metrics
from dsl.loop.sharding import (
    REPLICATED,
    SHARD_AXIS0,
    SHARD_AXIS1,
    buffer_specs,
    constrain,
    constrain_state,
    per_device,
    splitting_batches,
)

# Streams of random numbers within one iteration.
_COLLECT, _SAMPLE, _RELABEL, _UPDATE = range(4)
# Streams of the whole run.
_NETWORKS, _RESETS, _ITERATIONS, _EVALUATIONS = range(4)


def init_train_state(program: Program, seed: Int[Array, ""]) -> TrainState:
    """Return a run before its first step."""
    key = jax.random.key(seed)
    sizes = program.environment.dims
    env_state, timestep = jax.vmap(program.environment.reset)(_initial_reset_keys(program, key))
    state = TrainState(
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        learners={
            name: learner.init(
                sizes, _learner_key(program, name, jax.random.fold_in(key, _NETWORKS))
            )
            for name, learner in program.learners.items()
        },
        envs=EnvBatch(env_state, timestep, jnp.zeros(program.num_envs, jnp.int32)),
        buffer=program.buffer.init(sizes, program.num_envs),
        metric_sums={},
        nonfinite_resets=jnp.zeros((), jnp.int32),
    )
    state = replace(state, metric_sums=_zero_metric_sums(program, state))
    return constrain_state(program, jax.tree.map(_strongly_typed, state))


def abstract_train_state(program: Program) -> TrainState:
    """Return a run's state with shapes in place of arrays; nothing is allocated."""
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    return eqx.filter_eval_shape(init_train_state, replace(program, devices=1), seed)


def _learner_key(program: Program, name: str, key: Key[Array, ""]) -> Key[Array, ""]:
    """Derive a learner's key from a key of the run.

    The collector keeps it unchanged, so it trains exactly as it would alone; the others fold in
    their name, so equal configurations get different weights.
    """
    if name == program.collector:
        return key
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _initial_reset_keys(program: Program, key: Key[Array, ""]) -> Key[Array, " envs"]:
    """Return the keys of the first episode of every environment."""
    return jax.random.split(jax.random.fold_in(key, _RESETS), program.num_envs)


def _zero_metric_sums(program: Program, state: TrainState) -> Metrics:
    """Return the sums of all metrics over no update; traces one update to learn their names."""
    zero = jnp.zeros((), jnp.int32)
    # The names do not depend on the devices, and for one device the update may be traced already.
    alone = replace(program, devices=1)
    shapes = jax.eval_shape(lambda s: update_learners(alone, s, s.learners, zero)[1], state)
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)


def _strongly_typed(leaf: Array) -> Array:
    """Drop a weak type, which a checkpoint loses and which would compile another program."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    return jax.lax.convert_element_type(leaf, leaf.dtype)


def run_iterations(
    program: Program, state: TrainState, iterations: Int[Array, ""], updates: Int[Array, ""]
) -> TrainState:
    """Make unrolls, each followed by gradient updates: an epoch, or a part of one.

    The counts are arrays, so that one compiled program also fills the buffer (no updates) and stops
    wherever the host wants to save or to show progress.

    Args:
        program: what runs.
        state: of the run.
        iterations: unrolls of all environments.
        updates: gradient updates after each.
    """
    return jax.lax.fori_loop(
        0, iterations, lambda _, state: _run_iteration(program, state, updates), state
    )


def _run_iteration(program: Program, state: TrainState, updates: Int[Array, ""]) -> TrainState:
    """Unroll every environment once, then take the updates."""
    envs, unroll, nonfinite_resets = collect_unroll(program, state)
    total = state.nonfinite_resets + nonfinite_resets
    state = replace(state, envs=envs, nonfinite_resets=total)
    return constrain_state(program, insert_and_update(program, state, unroll, updates))


def collect_unroll(program: Program, state: TrainState) -> tuple[EnvBatch, Step, Int[Array, ""]]:
    """Step every environment `unroll_length` times; needs no buffer.

    Returns:
        The environments after that, the steps recorded, leaves (time, envs, ...), and the number of
        episodes that ended because their physics broke.
    """
    key = jax.random.fold_in(_stream_key(state, _ITERATIONS), _COLLECT)
    learner = program.learners[program.collector]
    networks = state.learners[program.collector].networks
    initial_keys = _initial_reset_keys(program, state.key)
    step_envs = jax.vmap(partial(step_or_reset, program.environment))
    step_envs = per_device(program, step_envs, SHARD_AXIS0, SHARD_AXIS0)

    def step(envs: EnvBatch, index: Array) -> tuple[EnvBatch, tuple[Step, Array]]:
        observation = envs.timestep.observation
        reset_keys = initial_keys if program.fixed_starts else envs.state.key
        step_key = jax.random.fold_in(key, index)
        with splitting_batches(program), jax.named_scope("policy"):
            action = learner.behaviour_actions(
                networks, observation.state, observation.goal, step_key
            )
        env_state, timestep = step_envs(envs.state, envs.timestep, action, reset_keys)
        recorded = Step(
            state=observation.state,
            goal=observation.goal,
            action=action,
            reward=jnp.asarray(timestep.reward),
            discount=jnp.asarray(timestep.discount),
            episode=envs.episode,
        )
        # The last timestep of an episode is recorded under it; the step after begins the next.
        episode = envs.episode + envs.timestep.last().astype(jnp.int32)
        return EnvBatch(env_state, timestep, episode), (recorded, timestep.extras["nonfinite"])

    steps = jnp.arange(program.unroll_length, dtype=jnp.int32)
    envs, (unroll, nonfinite) = jax.lax.scan(step, state.envs, steps)
    return envs, unroll, jnp.sum(nonfinite, dtype=jnp.int32)


def insert_and_update(
    program: Program, state: TrainState, unroll: Step, updates: Int[Array, ""]
) -> TrainState:
    """Store an unroll and take the gradient updates; needs no environments.

    Args:
        program: what runs.
        state: of the run.
        unroll: the latest steps, leaves (time, envs, ...).
        updates: gradient updates to take.
    """
    state = insert_unroll(program, state, unroll)

    # The loop carries learners and sums alone. The buffer is only read by the updates: carried, it
    # would be copied, which takes longer than a small update.
    def update(index: Array, carry: tuple[LearnerStates, Metrics]) -> tuple[LearnerStates, Metrics]:
        learners, sums = carry
        learners, metrics = update_learners(program, state, learners, index)
        return learners, jax.tree.map(jnp.add, sums, metrics)

    # A Python number would make the indices weakly typed, and trace the update a second time.
    first = jnp.zeros_like(updates)
    carry = jax.lax.fori_loop(first, updates, update, (state.learners, state.metric_sums))
    learners, metric_sums = carry
    return replace(state, learners=learners, metric_sums=metric_sums, iteration=state.iteration + 1)


def insert_unroll(program: Program, state: TrainState, unroll: Step) -> TrainState:
    """Store the steps of an unroll in the buffer."""
    specs = buffer_specs(state.buffer)
    insert = per_device(program, program.buffer.insert, (specs, SHARD_AXIS1), specs)
    return replace(state, buffer=insert(state.buffer, unroll))


def update_learners(
    program: Program, state: TrainState, learners: LearnerStates, index: Array
) -> tuple[LearnerStates, Metrics]:
    """Take update number `index` of the iteration; `learners` replace those of `state`."""
    return _traced_update(program, _stream_key(state, _ITERATIONS), state.buffer, learners, index)


# Traced once per process where there is one device, which takes seconds for deep networks: the
# trial of an experiment's build, the names of the metrics and the loop itself share the trace. For
# several devices the loop has a trace of its own, whose arrays JAX types by their mesh.
@eqx.filter_jit
def _traced_update(
    program: Program,
    key: Key[Array, ""],
    buffer: BufferState,
    learners: LearnerStates,
    index: Array,
) -> tuple[LearnerStates, Metrics]:
    """Draw transitions and take one gradient step of every network of every learner."""
    sample_key, relabel_key, update_key = (
        jax.random.fold_in(jax.random.fold_in(key, stream), index)
        for stream in (_SAMPLE, _RELABEL, _UPDATE)
    )
    replay = Replay(program.buffer, buffer, program.environment)
    # Every device finds the rows among its own environments and takes its share of the batch.
    transitions = program.buffer.sample(buffer, sample_key, program.batch_size)
    transitions = constrain(program, transitions, REPLICATED)
    updated, metrics = {}, {}
    for name, learner in program.learners.items():
        # One relabelling key for all: learners that relabel alike see the same goals.
        batch = constrain(program, learner.relabel(replay, transitions, relabel_key), SHARD_AXIS0)
        own_key = _learner_key(program, name, update_key)
        with spanning(program.updates), splitting_batches(program), jax.named_scope(name):
            updated[name], measured = learner.update(learners[name], batch, own_key)
        metrics.update(prefix_metrics(program, name, measured))
    return updated, metrics


def end_epoch(
    program: Program, state: TrainState, updates: Int[Array, ""]
) -> tuple[TrainState, Metrics, FiniteFlags, Rollout]:
    """Evaluate the policies and close the epoch.

    Args:
        program: what runs.
        state: after the epoch's last iteration.
        updates: gradient updates of the epoch.

    Returns:
        The run at the start of the next epoch; metrics under `train/` (means over the updates, NaN
        if there were none; `nonfinite_resets` and `skipped_updates` are counts) and `eval/`;
        whether each array of the learners is finite, by name; and some evaluation episodes.
    """
    evaluation, rollout = evaluate_learners(program, state)
    state, train, flags = epoch_metrics(program, state, updates)
    return state, {**train, **evaluation}, flags, rollout


def evaluate_learners(program: Program, state: TrainState) -> tuple[Metrics, Rollout]:
    """Evaluate the policies after the iterations made so far; needs the networks alone."""
    return evaluate(program, state.learners, _stream_key(state, _EVALUATIONS))


def epoch_metrics(
    program: Program, state: TrainState, updates: Int[Array, ""]
) -> tuple[TrainState, Metrics, FiniteFlags]:
    """Average the epoch's metrics, reset their sums, and check the learners for non-finite values.

    Args and result are those of `end_epoch`, without the evaluation.
    """
    number = updates.astype(jnp.float32)
    train = {f"train/{name}": total / number for name, total in state.metric_sums.items()}
    counted = {**_event_counts(program, state), **learning_rates(program, state)}
    train |= {f"train/{name}": value for name, value in counted.items()}
    sums, resets = jax.tree.map(jnp.zeros_like, (state.metric_sums, state.nonfinite_resets))
    closed = replace(state, metric_sums=sums, nonfinite_resets=resets)
    return constrain_state(program, closed), train, finite_flags(state.learners)


def _event_counts(program: Program, state: TrainState) -> Metrics:
    """Count the epoch's episodes with broken physics and, where enabled, all skipped updates."""
    counts = {"nonfinite_resets": state.nonfinite_resets}
    for name, learner in state.learners.items():
        if (skipped := skipped_updates(learner.optimisers)) is not None:
            counts |= prefix_metrics(program, name, {"skipped_updates": skipped})
    return {name: count.astype(jnp.float32) for name, count in counts.items()}


def _stream_key(state: TrainState, stream: int) -> Key[Array, ""]:
    """Return the key of one of the run's streams, after the iterations made so far."""
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.iteration)

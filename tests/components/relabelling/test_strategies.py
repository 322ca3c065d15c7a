"""Which goals transitions are given, over random episodes in a ring that is written many times.

The faults of other implementations that are looked for are named in the tests.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from episodes import BLOCK, PLACES, fill, places, record
from hypothesis import given, settings
from hypothesis import strategies as st

from components.losses.td import bellman_target
from components.relabelling.strategies import (
    Commanded,
    EpisodeState,
    FinalState,
    GeometricFuture,
    Mixture,
    RandomState,
    UniformFuture,
)
from components.replay.batch import Replay, make_batch
from components.replay.trajectory_buffer import TrajectoryBuffer, TransitionIndex

WORDS = {
    "commanded": Commanded(),
    "geometric": GeometricFuture(0.8),
    "uniform": UniformFuture(),
    "final": FinalState(),
    "episode": EpisodeState(),
    "random": RandomState(),
    "mixture": Mixture(FinalState(), Commanded(), 0.5),
}
COUNT = 48


@eqx.filter_jit
def goals(replay, index, key):
    """The goals that each word chooses for the index."""
    keys = jax.random.split(key, len(WORDS))
    return {
        name: word(replay, index, key)
        for (name, word), key in zip(WORDS.items(), keys, strict=True)
    }


@eqx.filter_jit
def draw(buffer, state, key):
    """Anchors, and the batch that each word makes of them."""
    replay = Replay(buffer, state, PLACES)
    index = buffer.sample(state, jax.random.fold_in(key, 0), COUNT)
    chosen = goals(replay, index, jax.random.fold_in(key, 1))
    return index, {name: make_batch(replay, index, goal) for name, goal in chosen.items()}


# Rows per episode (two at least: a first observation, and what the first action led to) and whether
# they fall, of three num_envs; how many blocks are written, to a ring of how many rows.
histories = st.tuples(
    st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=4), min_size=3, max_size=3),
    st.lists(st.lists(st.booleans(), min_size=1, max_size=3), min_size=3, max_size=3),
    st.integers(1, 20),
    st.sampled_from([5, 16]),
)


def play(history, seed):
    """The record, the times and num_envs of index, the batches, and the oldest row in the ring."""
    lengths, fallen, blocks, capacity = history
    rows = record(lengths, fallen, BLOCK * blocks)
    buffer = TrajectoryBuffer(capacity)
    index, batches = draw(buffer, fill(buffer, rows), jax.random.key(seed))
    oldest = max(BLOCK * blocks - capacity, 0)
    return rows, np.asarray(index.time), np.asarray(index.env), batches, oldest


seeds = st.integers(0, 1000)
exhaustive = settings(max_examples=40, deadline=None, derandomize=True)


def last_rows(rows):
    """The time of the newest row of every row's episode."""
    steps, _ = rows.episode.shape
    same = rows.episode[:, None] == rows.episode[None]
    return np.where(same, np.arange(steps)[None, :, None], -1).max(axis=1)


@exhaustive
@given(histories, seeds)
def test_goals_are_of_written_rows_and_of_the_same_episode(history, seed):
    rows, time, env, batches, oldest = play(history, seed)
    steps = rows.episode.shape[0]
    goals = {name: np.asarray(batch.goal) for name, batch in batches.items()}
    np.testing.assert_array_equal(goals["commanded"], rows.goal[time, env])
    for name in ("geometric", "uniform", "final", "episode"):
        goal_time, goal_env = places(goals[name])
        np.testing.assert_array_equal(goal_env, env)
        assert (goal_time >= (oldest if name == "episode" else time + 1)).all()
        assert (goal_time < steps).all()
        assert (rows.episode[goal_time, env] == rows.episode[time, env]).all()
    goal_time, goal_env = places(goals["random"])
    assert ((oldest <= goal_time) & (goal_time < steps)).all()
    assert ((goal_env >= 0) & (goal_env < 3)).all()
    first = (goals["mixture"] == goals["final"]).all(axis=1)
    second = (goals["mixture"] == goals["commanded"]).all(axis=1)
    assert (first ^ second).all()


@exhaustive
@given(histories, seeds)
def test_final_goals_are_of_the_last_row_of_the_very_same_episode(history, seed):
    """Not misaligned where earlier episodes fell: HER that lists time-limit rows loses count."""
    rows, time, env, batches, _ = play(history, seed)
    goal_time, goal_env = places(batches["final"].goal)
    np.testing.assert_array_equal(goal_env, env)
    np.testing.assert_array_equal(goal_time, last_rows(rows)[time, env])


@exhaustive
@given(histories, seeds)
def test_transitions_are_of_two_rows_that_follow_each_other(history, seed):
    rows, time, env, batches, _ = play(history, seed)
    assert (rows.episode[time, env] == rows.episode[time + 1, env]).all()
    for batch in batches.values():
        np.testing.assert_array_equal(batch.state, rows.state[time, env])
        np.testing.assert_array_equal(batch.action, rows.action[time, env])
        np.testing.assert_array_equal(batch.next_state, rows.state[time + 1, env])
        np.testing.assert_array_equal(batch.achieved, rows.state[time + 1, env])


@exhaustive
@given(histories, seeds)
def test_reward_is_success_of_the_next_state_for_the_new_goal(history, seed):
    """Not of the current state, nor for the commanded goal."""
    rows, time, env, batches, _ = play(history, seed)
    for batch in batches.values():
        reached = (np.asarray(batch.goal) == rows.state[time + 1, env]).all(axis=1)
        np.testing.assert_array_equal(batch.reward, reached.astype(np.float32))


@exhaustive
@given(histories, seeds)
def test_discount_is_0_at_falls_only(history, seed):
    """Not at time limits."""
    rows, time, env, batches, _ = play(history, seed)
    for batch in batches.values():
        np.testing.assert_array_equal(batch.discount, rows.discount[time, env])


def replay_of(lengths, fallen, steps, capacity=12):
    """A buffer filled with a record of one env, and the record."""
    rows = record([lengths], [fallen], steps)
    buffer = TrajectoryBuffer(capacity)
    return Replay(buffer, fill(buffer, rows), PLACES), rows


def index_of(replay, *times):
    time = jnp.asarray(times, jnp.int32)
    env = jnp.zeros(len(times), jnp.int32)
    return TransitionIndex(time, env, replay.buffer.steps_left(replay.state, time, env))


def test_after_a_fall_the_next_episodes_keep_their_own_final_goals(key):
    # Rows 0-2 fall, 3-6 meet the time limit, 7-8 fall, 9-11 are still running.
    replay, _ = replay_of([3, 4, 2, 5], [True, False, True, False], 12)
    goal = FinalState()(replay, index_of(replay, 0, 1, 3, 5, 7, 9, 10), key)
    np.testing.assert_array_equal(places(goal)[0], [2, 2, 6, 6, 8, 11, 11])


def test_rows_never_written_are_never_drawn(key):
    """A buffer that is nearly empty gives no windows of zeros."""
    replay, _ = replay_of([2, 9], [False], 6, capacity=1000)
    index = eqx.filter_jit(TrajectoryBuffer.sample)(replay.buffer, replay.state, key, 500)
    assert set(np.asarray(index.time).tolist()) == {0, 2, 3, 4}
    for goal in goals(replay, index, key).values():
        assert (np.abs(goal) >= 1).all()
        assert goal.max() <= 6


def test_the_reward_looks_at_the_next_state_and_not_at_the_current_one():
    replay, rows = replay_of([6], [False], 6)
    index = index_of(replay, 2, 2, 2)
    batch = make_batch(replay, index, jnp.asarray(rows.state[[2, 3, 4], 0]))
    np.testing.assert_array_equal(batch.reward, [0.0, 1.0, 0.0])


def test_a_time_limit_is_bootstrapped_through_to_the_true_final_state():
    """Not taken for a termination, and not joined to the next episode's first state."""
    replay, rows = replay_of([4, 4], [True, False], 12)
    index = index_of(replay, 1, 2, 5, 6)
    batch = make_batch(replay, index, jnp.asarray(rows.goal[[1, 2, 5, 6], 0]))
    target = bellman_target(batch, 100 * batch.next_state[:, 0], 0.5)
    # The next states are rows 2, 3, 6 and 7, which say 3, 4, 7 and 8; row 3 is where it fell.
    np.testing.assert_array_equal(target, [150.0, 0.0, 350.0, 400.0])

"""The ring against a plain Python record of everything that was ever written."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.relabelling.strategies import GeometricFuture, truncated_geometric
from components.replay.batch import Replay, make_batch
from components.replay.trajectory_buffer import Step, TrajectoryBuffer, TransitionIndex

DIMS = EnvDims(state=2, goal=1, action=1)


class LineGoals:
    """Achieved goal = first coordinate; success within 0.5."""

    def achieved_goal(self, state):
        return state[..., :1]

    def success(self, achieved, goal):
        return jnp.abs(achieved - goal)[..., 0] < 0.5


def written(lengths, num_envs, steps):
    """Rows (steps, envs) whose state is (absolute time, env), with episodes of given lengths.

    `lengths[env]` are rows per episode, repeated for ever.
    """
    episode = np.zeros((steps, num_envs), np.int32)
    for env in range(num_envs):
        ends = np.cumsum(np.resize(lengths[env], steps))
        episode[:, env] = np.searchsorted(ends, np.arange(steps), side="right")
    time, env = np.meshgrid(np.arange(steps), np.arange(num_envs), indexing="ij")
    last = np.vstack([episode[1:] != episode[:-1], np.zeros((1, num_envs), bool)])
    return Step(
        state=np.stack([time, env], -1).astype(np.float32),
        goal=np.zeros((steps, num_envs, 1), np.float32),
        action=time[..., None].astype(np.float32),
        reward=np.zeros((steps, num_envs), np.float32),
        discount=np.where(last, 0.0, 1.0).astype(np.float32),
        episode=episode,
    )


insert = eqx.filter_jit(TrajectoryBuffer.insert)
sample = eqx.filter_jit(TrajectoryBuffer.sample)


def fill(buffer, rows, block):
    """Insert the rows in blocks, as a run does."""
    state = buffer.init(DIMS, rows.episode.shape[1])
    for begin in range(0, rows.episode.shape[0], block):
        piece = jax.tree.map(lambda x: jnp.asarray(x[begin : begin + block]), rows)  # noqa: B023
        state = insert(buffer, state, piece)
    return state


histories = st.tuples(
    st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=3), min_size=2, max_size=2),
    st.sampled_from([7, 16]),  # capacity, rows
    st.integers(2, 20),  # blocks of three rows written
    st.integers(0, 1000),  # seed
)


@given(histories)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_anchors_and_futures_stay_inside_their_episode_and_the_ring(history):
    lengths, capacity, blocks, seed = history
    steps = 3 * blocks
    rows = written(lengths, len(lengths), steps)
    buffer = TrajectoryBuffer(capacity)
    state = fill(buffer, rows, 3)
    index = sample(buffer, state, jax.random.key(seed), 32)
    time, env, left = map(np.asarray, index)
    ahead = np.asarray(truncated_geometric(jax.random.key(seed), jnp.asarray(left), 0.9))
    assert (time >= max(steps - capacity, 0)).all()
    assert (left >= 1).all()
    assert (time + left <= steps - 1).all()
    assert (ahead >= 1).all()
    assert (ahead <= left).all()
    assert (rows.episode[time, env] == rows.episode[time + left, env]).all()
    end = time + left
    after = np.minimum(end + 1, steps - 1)
    assert ((rows.episode[after, env] != rows.episode[end, env]) | (after == end)).all()
    read = buffer.read(state, jnp.asarray(time + ahead), jnp.asarray(env))
    np.testing.assert_array_equal(np.asarray(read.state), np.stack([time + ahead, env], -1))


@eqx.filter_jit
def neighbours(buffer, state):
    """Rows of the same episode before and after each row of the ring, and its times."""
    oldest = jnp.maximum(state.written - buffer.capacity, 0)
    time = oldest + jnp.arange(buffer.capacity, dtype=jnp.int32)
    num_envs = state.rows.episode.shape[1]
    time, env = jnp.meshgrid(time, jnp.arange(num_envs, dtype=jnp.int32), indexing="ij")
    before = buffer.steps_before(state, time, env)
    return time, before, buffer.steps_left(state, time, env)


@given(
    lengths=st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=4), min_size=3, max_size=3),
    capacity=st.sampled_from([4, 16]),
    blocks=st.integers(1, 25),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_steps_before_and_left_are_those_of_the_episode_in_the_ring(lengths, capacity, blocks):
    steps = 3 * blocks
    rows = written(lengths, 3, steps)
    buffer = TrajectoryBuffer(capacity)
    times, before, left = map(np.asarray, neighbours(buffer, fill(buffer, rows, 3)))
    in_ring = rows.episode[max(steps - capacity, 0) :]
    for env in range(3):
        for index, episode in enumerate(in_ring[:, env]):
            assert times[index, env] == max(steps - capacity, 0) + index
            assert before[index, env] == (in_ring[:index, env] == episode).sum()
            assert left[index, env] == (in_ring[index + 1 :, env] == episode).sum()


def test_steps_before_on_numbers():
    # Episodes of three rows begin at 0, 3, 6, 9, ...; the ring holds the rows from 7 on.
    buffer = TrajectoryBuffer(8)
    state = fill(buffer, written([[3]], 1, 15), 3)
    _, before, left = neighbours(buffer, state)
    np.testing.assert_array_equal(before[:, 0], [0, 1, 0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(left[:, 0], [1, 0, 2, 1, 0, 2, 1, 0])
    state = fill(buffer, written([[3]], 1, 6), 3)
    np.testing.assert_array_equal(neighbours(buffer, state)[1][:6, 0], [0, 1, 2, 0, 1, 2])


def test_an_episode_longer_than_the_ring():
    buffer = TrajectoryBuffer(4)
    state = fill(buffer, written([[100]], 1, 30), 3)
    _, before, left = neighbours(buffer, state)
    np.testing.assert_array_equal(before[:, 0], [0, 1, 2, 3])
    np.testing.assert_array_equal(left[:, 0], [3, 2, 1, 0])


def test_sampling_is_uniform_over_rows_with_a_successor():
    rows = written([[3, 5], [4]], 2, 24)
    buffer = TrajectoryBuffer(16)
    state = fill(buffer, rows, 4)
    index = buffer.sample(state, jax.random.key(3), 60_000)
    counts = np.zeros((24, 2))
    np.add.at(counts, (np.asarray(index.time), np.asarray(index.env)), 1)
    usable = np.zeros((24, 2), bool)
    usable[8:23] = rows.episode[8:23] == rows.episode[9:24]
    assert (counts[~usable] == 0).all()
    expected = 60_000 / usable.sum()
    chi_square = ((counts[usable] - expected) ** 2 / expected).sum()
    assert chi_square < 50  # 99.9% quantile with 22 degrees of freedom is 48.3


def test_geometric_future_has_the_truncated_geometric_distribution():
    draws = np.asarray(
        truncated_geometric(jax.random.key(0), jnp.full((80_000,), 5, jnp.int32), 0.8)
    )
    weights = 0.8 ** np.arange(1, 6)
    expected = 80_000 * weights / weights.sum()
    counts = np.bincount(draws, minlength=6)[1:]
    assert ((counts - expected) ** 2 / expected).sum() < 18.5  # 99.9%, 4 degrees of freedom


def test_a_long_horizon_reaches_every_step_and_no_further():
    longest = jnp.full((200_000,), 1000, jnp.int32)
    draws = np.asarray(truncated_geometric(jax.random.key(1), longest, 0.99))
    assert draws.min() == 1
    assert 900 < draws.max() <= 1000
    assert abs(draws.mean() - 99.95) < 1.0  # (1/(1-g)) - n g^n / (1-g^n)


def test_goal_of_a_batch_is_the_achieved_goal_of_the_future_row():
    rows = written([[4]], 1, 12)
    buffer = TrajectoryBuffer(12)
    replay = Replay(buffer, fill(buffer, rows, 3), LineGoals())
    index = TransitionIndex(*(jnp.asarray(x, jnp.int32) for x in ([0, 5, 8], [0, 0, 0], [3, 2, 3])))
    goal = GeometricFuture(0.5)(replay, index, jax.random.key(7))
    assert goal.shape == (3, 1)
    batch = make_batch(replay, index, goal)
    np.testing.assert_array_equal(np.asarray(batch.state[:, 0]), [0, 5, 8])
    np.testing.assert_array_equal(np.asarray(batch.next_state[:, 0]), [1, 6, 9])
    np.testing.assert_array_equal(np.asarray(batch.action[:, 0]), [0, 5, 8])
    one_step = np.asarray(goal[:, 0]) == [1, 6, 9]
    np.testing.assert_array_equal(np.asarray(batch.reward), one_step.astype(np.float32))


def test_discount_is_of_the_anchor_row():
    rows = written([[4]], 1, 12)
    buffer = TrajectoryBuffer(12)
    replay = Replay(buffer, fill(buffer, rows, 3), LineGoals())
    index = TransitionIndex(*(jnp.asarray(x, jnp.int32) for x in ([2, 1], [0, 0], [1, 2])))
    batch = make_batch(replay, index, jnp.zeros((2, 1), jnp.float32))
    np.testing.assert_array_equal(np.asarray(batch.discount), [1.0, 1.0])


def test_impossible_settings_are_refused():
    with pytest.raises(SettingError, match="capacity is 3; it must be at least 4"):
        TrajectoryBuffer(3)
    with pytest.raises(SettingError, match=r"discount is 1\.0"):
        GeometricFuture(1.0)
    buffer = TrajectoryBuffer(4)
    state = buffer.init(DIMS, 1)
    with pytest.raises(ValueError, match="a block of 5 rows does not fit"):
        buffer.insert(state, jax.tree.map(jnp.asarray, written([[5]], 1, 5)))


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 11), ("bfloat16", 8)])
def test_rows_stored_in_half_the_space_are_read_as_float32(dtype, bits):
    rows = written([[4], [5]], num_envs=2, steps=12)
    rows = rows._replace(state=rows.state + np.float32(0.3))
    state = fill(TrajectoryBuffer(16, dtype), rows, 6)
    assert {x.dtype.name for x in state.rows[:3]} == {dtype}
    time, env = jnp.arange(12), jnp.ones(12, jnp.int32)
    read = TrajectoryBuffer(16, dtype).read(state, time, env)
    assert {x.dtype.name for x in read} == {"float32", "int32"}
    np.testing.assert_allclose(read.state, rows.state[:, 1], rtol=2.0**-bits)
    np.testing.assert_array_equal(read.episode, rows.episode[:, 1])


def test_another_dtype_is_refused():
    with pytest.raises(SettingError, match="dtype is 'int8'; it must be one of 'float32'"):
        TrajectoryBuffer(dtype="int8")

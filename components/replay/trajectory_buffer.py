"""A ring buffer of whole trajectories, one lane per parallel environment, written in place.

Time runs along the first axis, environments along the second. Rows follow the dm_env convention: an
episode of T steps leaves T + 1 rows, the last of which holds the final observation and an action
that nobody takes. So the next observation of a row is simply the row after it, and is stored once.
"""

from typing import Annotated, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from components.constraints import AtLeast, OneOf, check
from components.env_dims import EnvDims

# A draw that hits the last row of an episode is drawn again, at most this often.
_DRAWS = 8


class Step(NamedTuple):
    """What one environment leaves in the buffer per step; leading axes are free."""

    state: Float[Array, "*b n"]
    goal: Float[Array, "*b g"]
    action: Float[Array, "*b a"]
    reward: Float[Array, "*b"]
    discount: Float[Array, "*b"]
    episode: Int[Array, "*b"]


class TransitionIndex(NamedTuple):
    """Places in the buffer: absolute `time` (rows since the run began), `lane`, and the number of
    rows of the same episode that follow (at least one)."""

    time: Int[Array, " b"]
    lane: Int[Array, " b"]
    steps_left: Int[Array, " b"]


class BufferState(eqx.Module):
    """The arrays of a buffer.

    Attributes:
        rows: the ring; row t of the run lies at index t modulo the capacity.
        episode_end: absolute time of the newest row of an episode, at its number modulo capacity.
        written: rows written per lane since the run began.
    """

    rows: Step
    episode_end: Int[Array, "capacity lanes"]
    written: Int[Array, ""]


class TrajectoryBuffer(eqx.Module):
    """Ring buffer over the last `capacity` rows of every parallel environment.

    Rows are drawn uniformly over everything written, and the end of any row's episode is looked up
    in O(1), so that drawing a future of a row never searches and never crosses an episode.
    """

    capacity: int = eqx.field(static=True)
    dtype: str = eqx.field(static=True)

    def __init__(
        self,
        capacity: Annotated[int, AtLeast(4)] = 10_000,
        dtype: Annotated[str, OneOf(("float32", "float16", "bfloat16"))] = "float32",
    ):
        """Args:
            capacity: rows kept per parallel environment.
            dtype: in which states, goals and actions are stored; they are read as float32. Near 10,
                neighbours are 0.008 apart in float16 and 0.06 in bfloat16.

        Raises:
            SettingError: `capacity` is too small, or `dtype` none of its options.
        """
        check(TrajectoryBuffer, capacity=capacity, dtype=dtype)
        self.capacity = capacity
        self.dtype = dtype

    def init(self, sizes: EnvDims, lanes: int) -> BufferState:
        """An empty buffer for `lanes` parallel environments."""
        shape = (self.capacity, lanes)
        rows = Step(
            state=jnp.zeros((*shape, sizes.state), self.dtype),
            goal=jnp.zeros((*shape, sizes.goal), self.dtype),
            action=jnp.zeros((*shape, sizes.action), self.dtype),
            reward=jnp.zeros(shape, jnp.float32),
            discount=jnp.zeros(shape, jnp.float32),
            episode=jnp.zeros(shape, jnp.int32),
        )
        return BufferState(rows, jnp.zeros(shape, jnp.int32), jnp.zeros((), jnp.int32))

    def insert(self, state: BufferState, block: Step) -> BufferState:
        """Write a block of rows, leaves (steps, lanes, ...), over the oldest ones.

        Raises:
            ValueError: the block has more rows than the buffer holds.
        """
        steps, lanes = block.episode.shape
        if steps > self.capacity:
            raise ValueError(
                f"a block of {steps} rows does not fit a buffer of {self.capacity} rows."
            )
        time = state.written + jnp.arange(steps, dtype=jnp.int32)
        slot = time % self.capacity
        rows = jax.tree.map(
            lambda ring, new: ring.at[slot].set(new.astype(ring.dtype)), state.rows, block
        )
        lane = jnp.broadcast_to(jnp.arange(lanes)[None, :], (steps, lanes))
        ends = jnp.broadcast_to(time[:, None], (steps, lanes))
        episode_end = state.episode_end.at[block.episode % self.capacity, lane].max(ends)
        return BufferState(rows, episode_end, state.written + steps)

    def sample(self, state: BufferState, key: Key[Array, ""], count: int) -> TransitionIndex:
        """Draw `count` anchors, uniform over all rows that have a successor in their episode.

        At least three rows per lane must have been written.
        """
        lanes = state.rows.episode.shape[1]
        time_key, lane_key = jax.random.split(key)
        oldest = jnp.maximum(state.written - self.capacity, 0)
        # The newest row's successor is not known yet.
        times = jax.random.randint(time_key, (_DRAWS, count), oldest, state.written - 1)
        lane = jax.random.randint(lane_key, (_DRAWS, count), 0, lanes)
        return _first_with_successor(
            TransitionIndex(times, lane, self.steps_left(state, times, lane)), oldest, self, state
        )

    def read(self, state: BufferState, time: Int[Array, " b"], lane: Int[Array, " b"]) -> Step:
        """The rows at absolute times `time` of lanes `lane`; they must still be in the ring."""
        slot = time % self.capacity
        row = jax.tree.map(lambda ring: ring[slot, lane], state.rows)
        return jax.tree.map(_full_precision, row)

    def steps_left(
        self, state: BufferState, time: Int[Array, "*b"], lane: Int[Array, "*b"]
    ) -> Int[Array, "*b"]:
        """Rows of the same episode written after the rows at these places."""
        episode = state.rows.episode[time % self.capacity, lane]
        return state.episode_end[episode % self.capacity, lane] - time

    def steps_before(
        self, state: BufferState, time: Int[Array, "*b"], lane: Int[Array, "*b"]
    ) -> Int[Array, "*b"]:
        """Rows of the same episode before the rows at these places that are still in the ring."""
        episode = state.rows.episode[time % self.capacity, lane]
        # An episode begins where the one before it ended; the first one at the start of the run.
        previous_end = state.episode_end[(episode - 1) % self.capacity, lane]
        start = jnp.where(episode > 0, previous_end + 1, 0)
        oldest = jnp.maximum(state.written - self.capacity, 0)
        return time - jnp.maximum(start, oldest)


def _full_precision(x: Array) -> Array:
    return x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x


def _first_with_successor(
    draws: TransitionIndex, oldest: Array, buffer: TrajectoryBuffer, state: BufferState
) -> TransitionIndex:
    """The first usable draw of each column; where all failed, a neighbour of the last one."""
    usable: Bool[Array, "draws b"] = draws.steps_left > 0
    pick = jnp.where(usable.any(axis=0), usable.argmax(axis=0), _DRAWS - 1)
    time, lane, left = (jnp.take_along_axis(field, pick[None, :], axis=0)[0] for field in draws)
    # An unusable row ends its episode: the row before it is of the same episode, and when that one
    # is already overwritten the row after it begins the next.
    neighbour = jnp.where(time > oldest, time - 1, time + 1)
    time = jnp.where(left > 0, time, neighbour)
    return TransitionIndex(time, lane, buffer.steps_left(state, time, lane))

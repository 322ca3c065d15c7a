"""Records of episodes, kept whole in NumPy beside the ring buffer that they are written to.

Every row can be told from every other and from rows never written: its state, and so the goal that
it achieves, is (1 + absolute time, 1 + env).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from components.env_dims import EnvDims
from components.replay.trajectory_buffer import Step

DIMS = EnvDims(state=2, goal=2, action=1)
BLOCK = 3


class Places:
    """A state achieves itself; success is to be at the very row."""

    def achieved_goal(self, state):
        return state

    def success(self, achieved, goal):
        return jnp.max(jnp.abs(achieved - goal), axis=-1) < 0.5


PLACES = Places()


def record(lengths, fallen, steps):
    """Rows (steps, envs) as a run collects them.

    Args:
        lengths: `lengths[env]` are rows per episode, repeated for ever.
        fallen: `fallen[env]` says of each of these whether it terminates (or meets its time
            limit).
        steps: rows.

    Returns:
        The rows. The discount is 0 on the action that a fall ends; the action of the final row is
        nobody's, and its reward and discount are those of a reset. The commanded goal is
        (-1 - episode, -1 - env).
    """
    num_envs = range(len(lengths))
    columns = [_env_column(env, lengths[env], fallen[env], steps) for env in num_envs]
    return jax.tree.map(lambda *x: np.stack(x, axis=1), *columns)


def _env_column(env, lengths, fallen, steps):
    episode = np.repeat(np.arange(steps), np.resize(lengths, steps))[: steps + 2]
    ends_next = (episode[1:-1] == episode[:-2]) & (episode[1:-1] != episode[2:])
    falls = np.resize(fallen, steps)[episode[:steps]].astype(bool)
    time, episode = np.arange(steps), episode[:steps].astype(np.int32)
    column = lambda *x: np.stack(np.broadcast_arrays(*x), axis=-1).astype(np.float32)  # noqa: E731
    return Step(
        state=column(1 + time, 1 + env),
        goal=column(-1 - episode, -1 - env),
        action=column(time),
        reward=np.full(steps, np.nan, np.float32),  # of the commanded goal: not to be used
        discount=np.where(ends_next & falls, 0.0, 1.0).astype(np.float32),
        episode=episode,
    )


def fill(buffer, rows):
    """Insert the rows in blocks of three, as a run does."""
    steps, num_envs = rows.episode.shape
    state, insert = _compiled(buffer, num_envs)
    for begin in range(0, steps, BLOCK):
        piece = jax.tree.map(lambda x: x[begin : begin + BLOCK], rows)  # noqa: B023
        state = insert(state, jax.tree.map(jnp.asarray, piece))
    return state


@functools.cache
def _compiled(buffer, num_envs):
    """An empty state and how to insert into it."""
    return buffer.init(DIMS, num_envs), jax.jit(buffer.insert)


def places(goals):
    """The times and num_envs of the rows that achieve these goals."""
    time, env = np.asarray(goals, np.int64).T - 1
    return time, env

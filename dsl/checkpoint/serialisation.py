"""A run's state as named arrays on the host, in parts, and back again."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dsl.checkpoint.store import Arrays, DamagedError
from dsl.loop.named_leaves import by_name
from dsl.loop.program import EpochState

LEARNERS, BUFFER, REST = "learners", "buffer", "rest"
# What a learner's state calls them, and so the names of their arrays.
NETWORKS = "networks"
_BUFFER_ROWS = "rows."


def split(progress: EpochState) -> dict[str, Arrays]:
    """Copies of everything that changes in a run: learners, buffer, the rest.

    Of the buffer's rows only those ever written are copied.
    """
    state = progress.state
    filled = min(int(state.buffer.written), state.buffer.episode_end.shape[0])
    return {
        LEARNERS: copies(state.learners),
        BUFFER: copies(state.buffer, rows=filled),
        REST: copies(_rest(progress)),
    }


def join(template: EpochState, parts: dict[str, Arrays]) -> EpochState:
    """What `split` took apart.

    Args:
        template: the run with shapes in place of arrays.
        parts: what `split` returned.

    Raises:
        DamagedError: the arrays are not those of such a run.
    """
    state = template.state
    learners = restore(state.learners, parts[LEARNERS])
    buffer = restore(state.buffer, parts[BUFFER])
    progress = eqx.combine(restore(_rest(template), parts[REST]), template)
    return eqx.tree_at(lambda p: (p.state.learners, p.state.buffer), progress, (learners, buffer))


def copies(tree: PyTree, rows: int | None = None) -> Arrays:
    """Every array of a tree by its name there; random keys as their data.

    Copied, for the device's own memory is about to be reused.

    Args:
        tree: of arrays.
        rows: how many leading entries to take of the rows of a buffer; all where left out.
    """
    arrays = {name: np.asarray(_data(leaf)) for name, leaf in by_name(tree).items()}
    return {
        name: np.array(array[: rows if name.startswith(_BUFFER_ROWS) else None])
        if array.ndim
        else np.array(array)
        for name, array in arrays.items()
    }


def restore(template: PyTree, arrays: Arrays) -> PyTree:
    """The tree that `copies` took arrays from; rows that are missing at the end are zero.

    Raises:
        DamagedError: names, shapes or types differ from those of the template.
    """
    expected = by_name(template)
    if different := sorted(set(expected) ^ set(arrays)):
        raise DamagedError(f"it is of another kind of run: {different[0]} is not in both")
    leaves = [_restored(name, leaf, arrays[name]) for name, leaf in expected.items()]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def _rest(progress: EpochState) -> EpochState:
    """All but learners and buffer."""
    return eqx.tree_at(lambda p: (p.state.learners, p.state.buffer), progress, (None, None))


def _data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _restored(name: str, leaf: Any, array: np.ndarray) -> Any:
    expected = jax.eval_shape(_data, leaf)
    if name.startswith(_BUFFER_ROWS) and array.ndim and len(array) < len(expected):
        padded = np.zeros(expected.shape, array.dtype)
        padded[: len(array)] = array
        array = padded
    if (array.shape, array.dtype) != (expected.shape, expected.dtype):
        raise DamagedError(
            f"it is of another kind of run: {name} is {array.dtype}{array.shape}, "
            f"not {expected.dtype}{expected.shape}"
        )
    return jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(leaf) else array

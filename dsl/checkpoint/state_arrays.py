"""Turns the state of a run into named arrays on the host, in three parts, and back."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dsl.checkpoint.block_layouts import convert_blocks
from dsl.checkpoint.disk_format import Arrays, compare_programs, read_manifest
from dsl.checkpoint.errors import IncompatibleError
from dsl.loop.named_leaves import leaves_by_name
from dsl.loop.program import TrainState

# The parts of a state, and the names of their files.
LEARNERS, BUFFER, REST = "learners", "buffer", "rest"
# What a learner's state calls them, and so the beginning of the names of their arrays.
NETWORKS = "networks"
_BUFFER_ROWS = "rows."


def split_state(state: TrainState) -> dict[str, Arrays]:
    """Copy everything that changes in a run: learners, buffer, and the rest.

    Of the buffer's rows only those ever written are copied.
    """
    filled = min(int(state.buffer.written), state.buffer.episode_end.shape[0])
    return {
        LEARNERS: copy_arrays(state.learners),
        BUFFER: copy_arrays(state.buffer, rows=filled),
        REST: copy_arrays(_without_parts(state)),
    }


def join_state(template: TrainState, parts: dict[str, Arrays], place: Path) -> TrainState:
    """Put together what `split_state` took apart.

    Args:
        template: the state with shapes in place of arrays.
        parts: what `split_state` returned.
        place: the checkpoint that they come from, for messages.

    Raises:
        IncompatibleError: the arrays are not those of such a state.
    """
    learners = restore_tree(template.learners, parts[LEARNERS], place)
    buffer = restore_tree(template.buffer, parts[BUFFER], place)
    rest = restore_tree(_without_parts(template), parts[REST], place)
    state = eqx.combine(rest, template)
    return eqx.tree_at(lambda s: (s.learners, s.buffer), state, (learners, buffer))


def copy_arrays(tree: PyTree, rows: int | None = None) -> Arrays:
    """Copy every array of a tree to the host, by its name there; random keys as their data.

    Copied and not viewed, because the device's own memory is about to be reused.

    Args:
        tree: of arrays.
        rows: number of leading entries of a buffer's rows to copy; all if None.
    """
    arrays = {name: np.asarray(_key_data(leaf)) for name, leaf in leaves_by_name(tree).items()}
    return {
        name: np.array(array[: rows if name.startswith(_BUFFER_ROWS) else None])
        if array.ndim
        else np.array(array)
        for name, array in arrays.items()
    }


def restore_tree(template: PyTree, arrays: Arrays, place: Path) -> PyTree:
    """Return the tree that `copy_arrays` copied; rows that are missing at the end are zero.

    Args:
        template: the tree with shapes in place of arrays.
        arrays: by name.
        place: the checkpoint that they come from, for messages.

    Raises:
        IncompatibleError: names, shapes or types differ from those of the template.
    """
    expected = leaves_by_name(template)
    arrays = convert_blocks(arrays, expected)
    if missing := sorted(set(expected) - set(arrays)):
        raise _incompatible(place, f"it has no {missing[0]}, which the run has here")
    if unknown := sorted(set(arrays) - set(expected)):
        raise _incompatible(place, f"it has {unknown[0]}, which the run does not have here")
    leaves = [_restore_leaf(name, leaf, arrays[name], place) for name, leaf in expected.items()]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def _without_parts(state: TrainState) -> TrainState:
    """Remove learners and buffer, which have files of their own."""
    return eqx.tree_at(lambda s: (s.learners, s.buffer), state, (None, None))


def _key_data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _restore_leaf(name: str, leaf: Any, array: np.ndarray, place: Path) -> Any:
    expected = jax.eval_shape(_key_data, leaf)
    if name.startswith(_BUFFER_ROWS) and array.ndim and len(array) < len(expected):
        padded = np.zeros(expected.shape, array.dtype)
        padded[: len(array)] = array
        array = padded
    if (array.shape, array.dtype) != (expected.shape, expected.dtype):
        sides = f"{name} is {array.dtype}{array.shape} there and {expected.dtype}{expected.shape}"
        raise _incompatible(place, f"{sides} here{_likely_cause(leaf, array, expected)}")
    return jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(leaf) else array


def _likely_cause(leaf: Any, array: np.ndarray, expected: Any) -> str:
    """Name the switch of JAX that explains a difference, if one does."""
    if _is_key(leaf):
        return "; JAX_DEFAULT_PRNG_IMPL differs"
    kinds = {array.dtype.kind, expected.dtype.kind}
    sizes = {array.dtype.itemsize, expected.dtype.itemsize}
    if array.shape == expected.shape and len(kinds) == 1 and sizes == {4, 8}:
        return "; JAX_ENABLE_X64 differs"
    return ""


def _incompatible(place: Path, cause: str) -> IncompatibleError:
    return IncompatibleError(
        f"{place}: does not fit this run: {cause}. "
        f"{compare_programs(read_manifest(place).written_by)} Nothing was changed. Continue with "
        "the version and the environment variables that wrote it, or begin a new run in another "
        "folder."
    )

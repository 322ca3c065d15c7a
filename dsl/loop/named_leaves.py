"""Names the arrays of a run by their place in its state."""

from typing import Any

import jax
from jaxtyping import PyTree


def leaves_by_name(tree: PyTree) -> dict[str, Any]:
    """Return the leaves of a tree in order, by path: `learner.networks.actor.head.weight`."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}

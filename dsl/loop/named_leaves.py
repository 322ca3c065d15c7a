"""What the arrays of a run are called: by their place in its state."""

from typing import Any

import jax
from jaxtyping import PyTree


def by_name(tree: PyTree) -> dict[str, Any]:
    """Every leaf of a tree by its path, as in `learner.networks.actor.head.weight`; in order."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}

"""Residual blocks stacked and scanned, so that compile time does not grow with depth."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Key, PyTree

from components.networks.layers import BLOCKS, DENSE_OUTPUT, LAYERS_PER_BLOCK, Activation, Block

Step = Callable[[Float[Array, " width"], PyTree], Float[Array, " width"]]


def stack_blocks(
    width: int,
    depth: int,
    activation: Activation,
    normalise: bool,
    compute_dtype: str = "float32",
    *,
    key: Key[Array, ""],
) -> Block:
    """Return the `depth / 4` blocks as one `Block` whose arrays have a leading block axis."""

    def make(k: Key[Array, ""]) -> Block:
        return Block(width, activation, normalise, compute_dtype, key=k)

    # `map`, not `vmap`: drawing block after block stays in the cache, which is faster.
    return jax.lax.map(make, jax.random.split(key, depth // LAYERS_PER_BLOCK))


def fold_blocks(
    step: Step, blocks: PyTree, x: Float[Array, " width"], keep: str = "dense_outputs"
) -> Float[Array, " width"]:
    """Apply `x <- step(x, block)` over the leading axis of `blocks`, first block first.

    For the backward pass only the inputs of blocks are kept and, with `dense_outputs`, the outputs
    of dense layers. Normalisation and activation are computed again: they cost little beside the
    matrix products, and reading them back costs more (`benchmarks/residual_forms.py`).
    """
    names = [DENSE_OUTPUT] if keep == "dense_outputs" else []
    policy = jax.checkpoint_policies.save_only_these_names(*names)

    # `scan` already keeps XLA from merging the second computation with the first.
    kept = jax.checkpoint(step, policy=policy, prevent_cse=False)
    with jax.named_scope(BLOCKS):
        return jax.lax.scan(lambda x, block: (kept(x, block), None), x, blocks)[0]


def with_skips(
    x: Float[Array, " width"], block: Block, skip_every: int, branch_scale: float = 1.0
) -> Float[Array, " width"]:
    """Apply a block with a residual connection over every `skip_every` layers; 0 for none.

    Each branch is multiplied by `branch_scale` before it is added to the stream.
    """
    if not skip_every:
        return block(x)
    for start in range(0, LAYERS_PER_BLOCK, skip_every):
        branch = x
        for layer in block.layers[start : start + skip_every]:
            branch = layer(branch)
        x = x + branch_scale * branch
    return x

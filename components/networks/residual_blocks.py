"""Residual blocks stacked and scanned, so that compile time does not grow with depth; or packed."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
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


class PackedBlocks(eqx.Module):
    """The blocks of a residual network, packed layer after layer into two arrays.

    Kernels read them where they are, and an optimiser steps two arrays instead of sixteen. Where
    blocks are scanned they stay sixteen: XLA rounds the steps of larger arrays differently.

    Attributes:
        weights: of the dense layers.
        vectors: of each layer its bias and, with LayerNorm, its scale and offset.
        activation: elementwise function.
        compute_dtype: of the matrix products.
    """

    weights: Float[Array, "layers width width"]
    vectors: Float[Array, "layers v width"]
    activation: Activation = eqx.field(static=True)
    compute_dtype: str = eqx.field(static=True)

    def __init__(self, blocks: Block):
        """Args:
        blocks: stacked ones.
        """
        layers = [jax.tree.leaves(layer) for layer in blocks.layers]
        weights = jnp.stack([weight for weight, *_ in layers], axis=1)
        vectors = jnp.stack([jnp.stack(rest, axis=1) for _, *rest in layers], axis=1)
        self.weights, self.vectors = (a.reshape(-1, *a.shape[2:]) for a in (weights, vectors))
        self.activation = blocks.layers[0].activation
        self.compute_dtype = blocks.layers[0].dense.compute_dtype

    def stacked(self) -> Block:
        """Return the blocks as one `Block` whose arrays have a block axis; others stay in front."""
        weights, vectors = (
            array.reshape(*array.shape[:-3], -1, LAYERS_PER_BLOCK, *array.shape[-2:])
            for array in (self.weights, self.vectors)
        )
        count, width = self.vectors.shape[-2:]
        structure = _structure(width, self.activation, count > 1, self.compute_dtype)
        arrays = [
            [weights[..., i, :, :], *[vectors[..., i, j, :] for j in range(count)]]
            for i in range(LAYERS_PER_BLOCK)
        ]
        return jax.tree.unflatten(structure, [array for layer in arrays for array in layer])


@functools.cache
def _structure(width: int, activation: Activation, normalise: bool, compute_dtype: str) -> Any:
    """Return the structure of a block as a tree."""

    def make() -> Block:
        return Block(width, activation, normalise, compute_dtype, key=jax.random.key(0))

    return jax.tree.structure(eqx.filter_eval_shape(make))


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

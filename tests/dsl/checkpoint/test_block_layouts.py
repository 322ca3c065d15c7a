"""Blocks stacked on the disk and packed in the run, and the other way round."""

import functools

import chex
import equinox as eqx
import jax
import numpy as np
import pytest
from random_modules import filled

from components.networks import HypersphericalMLP, ResidualMLP
from dsl.checkpoint import disk_format
from dsl.checkpoint.block_layouts import convert_blocks
from dsl.checkpoint.errors import IncompatibleError
from dsl.checkpoint.state_arrays import copy_arrays, restore_tree


def network(kernel, normalise=True):
    build = functools.partial(ResidualMLP, 4, 12, normalise=normalise, kernel=kernel)
    return filled(functools.partial(build, in_size=3, out_size=2))


def by_layer(blocks, width, vectors, members=()):
    """Arrays of three blocks as earlier versions wrote them, each number telling its place."""
    kinds = {"dense.weight": (width, width), "dense.bias": (width,)}
    kinds |= {"norm.weight": (width,), "norm.bias": (width,)} if vectors == 3 else {}
    count = len(kinds)
    return {
        f"net.blocks.layers.{i}.{kind}": np.stack(
            [np.full((*members, *shape), 100 * b + 10 * i + k) for b in range(blocks)], len(members)
        )
        for i in range(4)
        for k, (kind, shape) in zip(range(count), kinds.items(), strict=True)
    }


@pytest.mark.parametrize(("vectors", "members"), [(3, ()), (1, ()), (3, (2,))])
def test_layers_of_blocks_become_layers_of_one_array_and_back(vectors, members):
    stacked = by_layer(3, 4, vectors, members) | {"net.input.dense.weight": np.ones(1)}
    expected = ["net.blocks.weights", "net.blocks.vectors", "net.input.dense.weight"]
    packed = convert_blocks(stacked, expected)
    assert sorted(packed) == sorted(expected)
    assert packed["net.blocks.weights"].shape == (*members, 12, 4, 4)
    assert packed["net.blocks.vectors"].shape == (*members, 12, vectors, 4)
    # Layer 6 of 12 is layer 2 of block 1; its vectors are those after its weights.
    assert np.all(packed["net.blocks.weights"][..., 6, :, :] == 120)
    np.testing.assert_array_equal(
        packed["net.blocks.vectors"].reshape(-1, 12, vectors, 4)[0, 6, :, 0],
        120 + 1 + np.arange(vectors),
    )
    chex.assert_trees_all_equal(convert_blocks(packed, list(stacked)), stacked)


def test_what_is_expected_or_of_another_network_stays_as_it_is():
    stacked = by_layer(3, 4, 3)
    assert convert_blocks(stacked, list(stacked)) == stacked
    spheres = copy_arrays(filled(functools.partial(HypersphericalMLP, 4, 8, in_size=3, out_size=2)))
    assert convert_blocks(spheres, ["blocks.weights"]).keys() == spheres.keys()


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(("written", "read"), [("auto", "xla"), ("xla", "auto")])
def test_a_checkpoint_of_the_other_layout_is_read(tmp_path, written, read, normalise):
    state = {"networks": network(written, normalise), "step": jax.numpy.int32(7)}
    disk_format.write_checkpoint(tmp_path / "c", {"learners": copy_arrays(state)}, {})
    template = jax.eval_shape(
        lambda: {"networks": network(read, normalise), "step": jax.numpy.int32(0)}
    )
    arrays = disk_format.read_arrays(tmp_path / "c", "learners")
    restored = restore_tree(template, arrays, tmp_path / "c")
    assert int(restored["step"]) == 7
    ours, theirs = restored["networks"], state["networks"]
    assert type(ours.blocks) is not type(theirs.blocks)
    for x in np.float32([[1, 2, 3], [-1, 0, 1]]):
        np.testing.assert_allclose(
            eqx.filter_jit(ours)(x), eqx.filter_jit(theirs)(x), rtol=1e-4, atol=1e-5
        )


def test_blocks_of_another_depth_are_refused_by_name(tmp_path):
    disk_format.write_checkpoint(tmp_path / "c", {"learners": copy_arrays(network("auto"))}, {})
    template = eqx.tree_at(lambda n: n.blocks.weights, network("xla"), replace_fn=lambda w: w[:8])
    with pytest.raises(IncompatibleError, match=r"blocks.weights is float32\(12, 4, 4\) there"):
        restore_tree(template, copy_arrays(network("auto")), tmp_path / "c")

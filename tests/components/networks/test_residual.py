"""Residual networks: the scan against a plain loop in NumPy, counts, and shape-only building."""

import functools

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_modules import filled

from components.constraints import SettingError
from components.networks import ResidualMLP, StableResidualMLP

NETWORKS = [ResidualMLP, StableResidualMLP]


def numpy_layer(layer, x, index=None):
    """Dense, LayerNorm, swish in float64; `index` picks one of stacked blocks."""

    def pick(a):
        a = np.asarray(a, np.float64)
        return a if index is None else a[index]

    y = x @ pick(layer.dense.weight) + pick(layer.dense.bias)
    if layer.norm is not None:
        y = (y - y.mean()) / np.sqrt(y.var() + 1e-6)
        y = y * pick(layer.norm.weight) + pick(layer.norm.bias)
    return y / (1 + np.exp(-y))


def numpy_network(network, x, branch_scale):
    """The whole network as a loop over blocks."""
    x = numpy_layer(network.input, np.asarray(x, np.float64))
    for block in range(network.depth // 4):
        y = x
        for layer in network.blocks.layers:
            y = numpy_layer(layer, y, block)
        x = x + branch_scale * y
    return x @ np.asarray(network.output.weight) + np.asarray(network.output.bias)


@pytest.mark.parametrize("depth", [4, 12])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_scan_equals_a_plain_loop(kind, depth, normalise):
    build = functools.partial(kind, 6, depth, normalise=normalise, in_size=5, out_size=3)
    network = filled(build)
    x = jax.random.normal(jax.random.key(1), (5,))
    branch_scale = 1.0 if kind is ResidualMLP else 4 / depth
    expected = numpy_network(network, x, branch_scale)
    np.testing.assert_allclose(eqx.filter_jit(network)(x), expected, rtol=2e-4, atol=2e-5)


def sums_of_halves(skip_every):
    """A network of one block whose every layer gives half of its first input, computed for 8."""
    network = filled(
        functools.partial(ResidualMLP, 1, 4, lambda x: x, False, skip_every, in_size=1, out_size=1)
    )
    network = jax.tree.map(jnp.zeros_like, network)
    halves = tuple(jnp.full((1, 1, 1), 0.5) for _ in range(4))
    return eqx.tree_at(
        lambda n: (
            n.input.dense.weight,
            n.output.weight,
            *(x.dense.weight for x in n.blocks.layers),
        ),
        network,
        (jnp.ones((1, 1)), jnp.ones((1, 1)), *halves),
    )(jnp.asarray([8.0]))


# Layers halve: without skips 8/16; over four 8 + 8/16; over two (8 + 2) + 10/4; over one 8 (3/2)^4.
@pytest.mark.parametrize(("skip_every", "output"), [(0, 0.5), (4, 8.5), (2, 12.5), (1, 40.5)])
def test_skips_over_one_two_four_or_no_layers(skip_every, output):
    np.testing.assert_allclose(sums_of_halves(skip_every), [output])


@pytest.mark.parametrize("kind", NETWORKS)
def test_block_norms_are_those_of_a_plain_loop(kind):
    network = filled(functools.partial(kind, 6, 12, in_size=5, out_size=3))
    x = jax.random.normal(jax.random.key(1), (5,))
    scale = 1.0 if kind is ResidualMLP else 1 / 3
    y, added, stream = numpy_layer(network.input, np.asarray(x, np.float64)), [], []
    for block in range(3):
        branch = y
        for layer in network.blocks.layers:
            branch = numpy_layer(layer, branch, block)
        stream.append(np.linalg.norm(y))
        added.append(np.linalg.norm(scale * branch))
        y = y + scale * branch
    found = eqx.filter_jit(kind.block_norms)(network, x)
    np.testing.assert_allclose(found.added, added, rtol=2e-4)
    np.testing.assert_allclose(found.stream, stream, rtol=2e-4)


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradient_equals_that_of_a_plain_loop(kind):
    network = filled(functools.partial(kind, 6, 8, in_size=5, out_size=3))
    x = jax.random.normal(jax.random.key(1), (5,))
    scale = 1.0 if kind is ResidualMLP else 0.5

    def looped(network):
        y = network.input(x)
        for i in range(2):
            block = jax.tree.map(lambda a, i=i: a[i], network.blocks)
            y = y + scale * block(y)
        return jnp.sum(jnp.sin(network.output(y)))

    def scanned(network):
        return jnp.sum(jnp.sin(network(x)))

    ours, theirs = (jax.jit(jax.grad(f))(network) for f in (scanned, looped))
    chex.assert_trees_all_close(ours, theirs, rtol=1e-4, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(blocks=st.integers(1, 300), width=st.integers(1, 40), in_size=st.integers(1, 20))
def test_depth_counts_the_dense_layers_in_blocks(blocks, width, in_size):
    def build(key):
        return ResidualMLP(width, 4 * blocks, in_size=in_size, out_size=2, key=key)

    network = eqx.filter_eval_shape(build, jax.random.key(0))
    weights = [layer.dense.weight for layer in network.blocks.layers]
    assert network.depth == 4 * blocks
    assert sum(w.shape[0] for w in weights) == network.depth
    assert all(w.shape[1:] == (width, width) for w in weights)
    assert network.input.dense.weight.shape == (in_size, width)
    assert network.output.weight.shape == (width, 2)


def parameters(in_size, out_size, depth, width=256):
    """Counted by hand: an input layer, `depth` layers and an output; a norm has two per unit."""
    first = in_size * width + 3 * width
    return first + depth * (width * width + 3 * width) + width * out_size + out_size


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("depth", [4, 1024])
def test_parameter_count(kind, depth):
    network = eqx.filter_eval_shape(
        lambda key: kind(depth=depth, in_size=37, out_size=64, key=key), jax.random.key(0)
    )
    count = sum(a.size for a in jax.tree.leaves(network))
    assert count == parameters(37, 64, depth)
    assert all(a.dtype == jnp.float32 for a in jax.tree.leaves(network))


@pytest.mark.parametrize(("depth", "nearest"), [(6, "4 or 8"), (0, "4"), (1023, "1020 or 1024")])
@pytest.mark.parametrize("kind", NETWORKS)
def test_impossible_depth_names_the_nearest(key, kind, depth, nearest):
    with pytest.raises(SettingError, match=f"depth is {depth}.*Nearest: {nearest}"):
        kind(depth=depth, in_size=2, out_size=2, key=key)


@pytest.mark.parametrize("kind", NETWORKS)
def test_width_must_be_positive(key, kind):
    with pytest.raises(SettingError, match="width is 0"):
        kind(width=0, in_size=2, out_size=2, key=key)


def test_a_network_is_arrays_only_and_keeps_its_activation():
    build = functools.partial(ResidualMLP, 8, activation=jax.nn.relu, in_size=2, out_size=2)
    network = filled(build)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(network))
    assert network.blocks.layers[0].activation is jax.nn.relu


def test_many_networks_from_many_keys(key):
    def build(key):
        return ResidualMLP(8, 16, in_size=2, out_size=5, key=key)

    keys = jnp.stack([key, key, jax.random.key(7)])
    networks = jax.jit(jax.vmap(build))(keys)
    first, same, _ = (jax.tree.map(lambda a, i=i: a[i], networks) for i in range(3))
    chex.assert_trees_all_equal(first, same)
    weights = np.asarray(networks.blocks.layers[0].dense.weight)
    assert weights.shape == (3, 4, 8, 8)
    assert np.abs(weights).max() <= 8**-0.5
    # Four blocks of two different keys: eight matrices, no two alike.
    assert len({w.tobytes() for w in weights.reshape(12, 64)}) == 8


def test_batches_by_vmap(key):
    network = filled(functools.partial(ResidualMLP, 8, 8, in_size=2, out_size=5))
    xs = jax.random.normal(key, (7, 2))
    together = eqx.filter_jit(jax.vmap(network))(xs)
    one = eqx.filter_jit(network)
    np.testing.assert_allclose(together, np.stack([one(x) for x in xs]), rtol=1e-5, atol=1e-6)


def test_program_does_not_grow_with_depth():
    def size(depth):
        network = eqx.filter_eval_shape(
            lambda k: ResidualMLP(16, depth, in_size=2, out_size=2, key=k), jax.random.key(0)
        )

        def loss(network, x):
            return jnp.sum(jax.vmap(network)(x))

        return len(jax.jit(jax.grad(loss)).lower(network, jnp.ones((4, 2))).as_text())

    assert size(1024) < 1.1 * size(8)


def test_backward_pass_keeps_only_dense_outputs_and_block_inputs():
    depth, width, batch = 64, 32, 16
    network = filled(functools.partial(ResidualMLP, width, depth, in_size=2, out_size=2))
    xs = jnp.ones((batch, 2))
    kept = jax.eval_shape(lambda n: jax.vjp(lambda n: jax.vmap(n)(xs), n)[1], network)
    sizes = [a.size for a in jax.tree.leaves(kept)]
    activations = depth * batch * width
    weights = sum(a.size for a in jax.tree.leaves(network))
    # One value per dense layer, one per block of four, and something small at the two ends.
    assert sum(sizes) < weights + 1.25 * activations + 10 * batch * width


def test_stable_network_keeps_outputs_of_ordinary_size_at_any_depth(key):
    def size(network):
        xs = jax.random.normal(key, (64, 8))
        return float(np.linalg.norm(eqx.filter_jit(jax.vmap(network))(xs), axis=1).mean())

    build = functools.partial(ResidualMLP, 32, 256, in_size=8, out_size=64)
    plain = jax.jit(build)(key=key)
    stable = filled(functools.partial(StableResidualMLP, 32, 256, in_size=8, out_size=64))
    stable = jax.tree.unflatten(jax.tree.structure(stable), jax.tree.leaves(plain))
    assert size(stable) < 15
    assert size(plain) > 5 * size(stable)


@functools.cache
def outputs_and_gradient(kind, **settings):
    """Of one loss of a batch; every choice of settings has the same parameters."""
    network = filled(functools.partial(kind, 16, 8, in_size=5, out_size=3, **settings))
    xs = jax.random.normal(jax.random.key(1), (4, 5))

    def loss(network):
        outputs = jax.vmap(network)(xs)
        return jnp.mean(jnp.sin(outputs)), outputs

    gradient, outputs = jax.jit(jax.grad(loss, has_aux=True))(network)
    return outputs, jax.tree.leaves(gradient)  # networks of other settings are other trees


@pytest.mark.parametrize("kind", NETWORKS)
def test_products_in_bfloat16_come_near_those_in_float32(kind):
    exact, exact_gradient = outputs_and_gradient(kind)
    near, near_gradient = outputs_and_gradient(kind, compute_dtype="bfloat16")
    assert near.dtype == jnp.float32
    assert 1e-5 < np.abs(near - exact).max() < 0.03 * np.abs(exact).max()
    chex.assert_trees_all_equal_shapes_and_dtypes(near_gradient, exact_gradient)
    for a, b in zip(near_gradient, exact_gradient, strict=True):
        assert np.linalg.norm(a - b) < 0.05 * np.linalg.norm(b)


def test_bfloat16_halves_what_the_backward_pass_keeps_and_block_inputs_quarter_it():
    def kept(**settings):
        build = functools.partial(ResidualMLP, 32, 64, in_size=2, out_size=2, **settings)
        network = eqx.filter_eval_shape(lambda key: build(key=key), jax.random.key(0))
        pull = lambda n: jax.vjp(lambda n: jax.vmap(n)(jnp.ones((16, 2))), n)[1]  # noqa: E731
        stacked = [x for x in jax.tree.leaves(jax.eval_shape(pull, network)) if x.ndim > 2]
        # (blocks, batch, width): what the scan keeps of every block.
        activations = [x for x in stacked if x.shape == (16, 16, 32)]
        return sorted(x.dtype.name for x in activations)

    assert kept() == 5 * ["float32"]
    assert kept(compute_dtype="bfloat16") == 4 * ["bfloat16"] + ["float32"]
    assert kept(keep="block_inputs") == ["float32"]


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_is_kept_changes_no_gradient(kind):
    _, usual = outputs_and_gradient(kind)
    _, again = outputs_and_gradient(kind, keep="block_inputs")
    chex.assert_trees_all_close(usual, again, rtol=1e-4, atol=1e-7)


def test_skips_over_three_layers_are_refused(key):
    with pytest.raises(SettingError, match="skip_every is 3; it must be one of 4, 2, 1, 0"):
        ResidualMLP(skip_every=3, in_size=2, out_size=2, key=key)


@pytest.mark.parametrize("settings", [{"compute_dtype": "float16"}, {"keep": "everything"}])
@pytest.mark.parametrize("kind", NETWORKS)
def test_other_options_are_refused(key, kind, settings):
    with pytest.raises(SettingError, match="must be one of"):
        kind(in_size=2, out_size=2, key=key, **settings)

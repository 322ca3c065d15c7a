"""Hyperspherical networks against plain NumPy, and weights that stay on their spheres."""

import functools

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from random_modules import filled

from components.constraints import SettingError
from components.learners.gradient_step import gradient_step, guarded, init_optimiser
from components.networks import HypersphericalMLP, on_unit_spheres
from components.networks.hyperspherical import SphericalBlock, SphericalLayer, UnitDense, unit


def with_weight(rows):
    dense = filled(lambda key: UnitDense(2, 2, key=key))
    return eqx.tree_at(lambda d: d.weight, dense, jnp.asarray(rows, jnp.float32))


def test_a_dense_layer_of_unit_columns():
    # Columns (3, 4) and (0, 2) are (0.6, 0.8) and (0, 1).
    dense = with_weight([[3, 0], [4, 2]])
    np.testing.assert_allclose(dense(jnp.asarray([10.0, 5.0])), [10.0, 5.0], rtol=1e-6)


def test_a_layer_is_as_long_as_the_root_of_its_size_before_its_activation():
    layer = filled(lambda key: SphericalLayer(2, 2, jax.nn.relu, key=key))
    values = (with_weight([[3, 0], [4, 2]]), jnp.asarray([1.0, -2.0]))
    layer = eqx.tree_at(lambda la: (la.dense, la.scale), layer, values)
    # W'x = (3, 4), on the sphere (0.6, 0.8), times sqrt(2) and the scales 1 and -2, then ReLU.
    np.testing.assert_allclose(layer(jnp.asarray([-1 / 3, 4.0])), [0.8485281, 0.0], rtol=1e-5)


def test_zero_has_no_direction_and_a_finite_gradient():
    zero = jnp.zeros(3)
    np.testing.assert_array_equal(unit(zero), [0.0, 0.0, 0.0])
    chex.assert_tree_all_finite(jax.jacobian(unit)(zero))


def sphere(x, axis=-1):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def numpy_network(network, x):
    """The whole network as a loop over blocks, in float64."""
    network = jax.tree.map(lambda a: np.asarray(a, np.float64), network)
    width, blocks = network.input_scale.size, network.depth // 4
    h = sphere(np.append(x, 3.0)) @ sphere(network.input.weight, 0)
    h = sphere(network.input_scale * h)
    for k in range(blocks):
        y = h
        for layer in network.blocks.layers:
            y = sphere(y @ sphere(layer.dense.weight[k], 0))
            y = np.sqrt(width) * layer.scale[k] * y
            y = y / (1 + np.exp(-y))
        alpha = np.sqrt(width) * network.blocks.step[k] / (blocks + 1)
        h = sphere(h + alpha * (sphere(y) - h))
    output = h @ sphere(network.output.weight, 0)
    return np.sqrt(width) * network.output_scale * output + network.output_bias


@pytest.mark.parametrize("depth", [4, 12])
def test_scan_equals_a_plain_loop(depth):
    network = filled(functools.partial(HypersphericalMLP, 6, depth, in_size=5, out_size=3))
    x = jax.random.normal(jax.random.key(1), (5,))
    np.testing.assert_allclose(eqx.filter_jit(network)(x), numpy_network(network, x), rtol=2e-4)


def test_columns_begin_with_length_one_and_steps_with_one_over_the_root_of_the_size(key):
    block = SphericalBlock(4, jax.nn.relu, key=key)
    for layer in block.layers:
        np.testing.assert_allclose(np.linalg.norm(layer.dense.weight, axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(block.step, 0.5)


def test_parameter_count():
    # 1 more input; a layer has a scale beside its weights, a block a step, the output scale and
    # bias. Blocks of width 6: 4 (36 + 6) + 6 = 174.
    network = eqx.filter_eval_shape(
        lambda key: HypersphericalMLP(6, 8, in_size=5, out_size=3, key=key), jax.random.key(0)
    )
    count = sum(a.size for a in jax.tree.leaves(network))
    assert count == 6 * 6 + 6 + 2 * 174 + 6 * 3 + 3 + 3


def test_impossible_depth_is_refused(key):
    with pytest.raises(SettingError, match=r"depth is 6.*Nearest: 4 or 8"):
        HypersphericalMLP(depth=6, in_size=2, out_size=2, key=key)


def step(optimiser):
    """A dense layer with a bias beside it, after one step down a gradient of 0.5 and of 1."""
    modules = {"dense": with_weight([[1, 0], [0, 1]]), "bias": jnp.zeros(1)}
    slope = jnp.asarray([[0.5, 0.5], [0.5, 0.5]])

    def loss(m):
        return jnp.sum(m["dense"].weight * slope) + jnp.sum(m["bias"]), {}

    return gradient_step(loss, modules, optimiser, init_optimiser(optimiser, modules))[0]


def test_after_a_step_columns_have_length_one_and_the_rest_moves_freely():
    # (1, 0) - (0.5, 0.5) = (0.5, -0.5), on the sphere (0.7071, -0.7071).
    new = step(guarded(on_unit_spheres(optax.sgd(1.0)), None, skip_nonfinite=True))
    expected = [[0.70710678, -0.70710678], [-0.70710678, 0.70710678]]
    np.testing.assert_allclose(new["dense"].weight, expected, rtol=1e-6)
    np.testing.assert_allclose(new["bias"], [-1.0])


def test_without_it_columns_change_their_length():
    new = step(optax.sgd(1.0))
    np.testing.assert_allclose(new["dense"].weight, [[0.5, -0.5], [-0.5, 0.5]])


def test_columns_of_stacked_blocks_are_columns():
    network = filled(functools.partial(HypersphericalMLP, 6, 8, in_size=5, out_size=3))
    dense = network.blocks.layers[0].dense
    optimiser = on_unit_spheres(optax.sgd(0.1))
    updates, _ = optimiser.update(dense, optimiser.init(dense), dense)
    new = eqx.apply_updates(dense, updates)
    np.testing.assert_allclose(np.linalg.norm(new.weight, axis=1), np.ones((2, 6)), rtol=1e-5)

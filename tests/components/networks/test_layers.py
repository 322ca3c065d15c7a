"""Layers: how weights begin, and that a layer is Dense, LayerNorm, activation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from components.networks.layers import Block, Dense, Layer


@pytest.mark.parametrize("in_size", [3, 100])
def test_weights_are_uniform_within_one_over_root_fan_in(key, in_size):
    dense = Dense(in_size, 2000, key=key)
    bound = 1 / np.sqrt(in_size)
    weight = np.asarray(dense.weight)
    assert weight.shape == (in_size, 2000)
    assert weight.dtype == np.float32
    assert np.abs(weight).max() <= bound
    assert np.abs(weight).max() > 0.99 * bound
    # The variance of U(-b, b) is b^2 / 3: LeCun's 1 / fan-in, a third of it.
    np.testing.assert_allclose(weight.var(), 1 / (3 * in_size), rtol=0.05)
    np.testing.assert_array_equal(dense.bias, np.zeros(2000, np.float32))


def test_dense_on_numbers():
    dense = Dense(2, 3, key=jax.random.key(0))
    dense = jax.tree.unflatten(
        jax.tree.structure(dense),
        [jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), jnp.array([0.5, 0.0, -0.5])],
    )
    np.testing.assert_allclose(dense(jnp.array([1.0, -1.0])), [-2.5, -3.0, -3.5])


def test_layer_normalises_before_it_activates(key):
    layer = Layer(5, 64, lambda x: x, True, key=key)
    y = np.asarray(layer(10 * jnp.ones(5)))
    np.testing.assert_allclose(y.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(), 1, atol=1e-5)
    assert layer.norm.eps == 1e-6
    positive = np.asarray(Layer(5, 64, jax.nn.relu, True, key=key)(10 * jnp.ones(5)))
    np.testing.assert_allclose(positive, np.maximum(y, 0), rtol=1e-6)


def test_layer_without_norm_is_dense_and_activation(key):
    layer = Layer(5, 8, jnp.tanh, False, key=key)
    x = jnp.arange(5.0)
    np.testing.assert_allclose(layer(x), np.tanh(layer.dense(x)), rtol=1e-6)


def test_norm_starts_as_the_identity_and_is_learned(key):
    layer = Layer(5, 8, jnp.tanh, True, key=key)
    np.testing.assert_array_equal(layer.norm.weight, np.ones(8, np.float32))
    np.testing.assert_array_equal(layer.norm.bias, np.zeros(8, np.float32))


def test_block_has_four_layers_that_differ(key):
    block = Block(6, jnp.tanh, True, key=key)
    weights = [np.asarray(layer.dense.weight) for layer in block.layers]
    assert len(weights) == 4
    assert len({w.tobytes() for w in weights}) == 4

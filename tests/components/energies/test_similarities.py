"""Energies: literal numbers, pairs against single calls, accuracy, gradients at distance 0."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.constraints import SettingError
from components.energies.quasimetric import NegativeMRN
from components.energies.similarities import (
    Cosine,
    Dot,
    NegativeL1,
    NegativeL2,
    NegativeSquaredL2,
    squared_distances,
)

ENERGIES = [NegativeL2(), NegativeSquaredL2(), Dot(), Cosine(), NegativeL1(), NegativeMRN()]
each_energy = pytest.mark.parametrize("energy", ENERGIES, ids=lambda e: type(e).__name__)


@functools.cache
def compiled(energy):
    """One pair, and all pairs."""
    return jax.jit(energy), jax.jit(energy.pairwise)


@functools.cache
def slopes(energy):
    """Gradients of the same by both embeddings; of the sum, where there are several pairs."""
    pairs = lambda xs, ys: jnp.sum(energy.pairwise(xs, ys))  # noqa: E731
    return jax.jit(jax.grad(energy, (0, 1))), jax.jit(jax.grad(pairs, (0, 1)))


def batches(seed, rows=6, columns=4, size=5, offset=0.0, scale=1.0):
    """Two random batches of embeddings, float32."""
    rng = np.random.default_rng(seed)
    xs = offset + scale * rng.standard_normal((rows, size))
    ys = offset + scale * rng.standard_normal((columns, size))
    return jnp.asarray(xs, jnp.float32), jnp.asarray(ys, jnp.float32)


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        (NegativeL2(), -5.0),
        (NegativeSquaredL2(), -25.0),
        (Dot(), 1.0 * 4 + 2 * 6 + 2 * 2),
        (Cosine(), 20 / (3 * np.sqrt(56))),
        (NegativeL1(), -7.0),
        (NegativeL2(epsilon=11.0), -6.0),
    ],
)
def test_literal_numbers(energy, expected):
    x, y = jnp.array([1.0, 2.0, 2.0]), jnp.array([4.0, 6.0, 2.0])
    np.testing.assert_allclose(energy(x, y), expected, rtol=1e-6)


@each_energy
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), shape=st.sampled_from([(1, 1), (5, 3)]))
def test_pairwise_is_every_single_pair(energy, seed, shape):
    rows, columns = shape
    xs, ys = batches(seed, rows, columns)
    single, pairwise = compiled(energy)
    matrix = pairwise(xs, ys)
    assert matrix.shape == (rows, columns)
    expected = [[float(single(x, y)) for y in ys] for x in xs]
    np.testing.assert_allclose(matrix, expected, rtol=1e-4, atol=1e-4)


@each_energy
def test_pairwise_gradient_is_that_of_single_pairs(energy):
    xs, ys = batches(0)
    weights = jnp.asarray(np.random.default_rng(1).standard_normal((6, 4)), jnp.float32)

    def pairwise(xs, ys):
        return jnp.sum(weights * energy.pairwise(xs, ys))

    def single(xs, ys):
        return jnp.sum(weights * jax.vmap(lambda x: jax.vmap(lambda y: energy(x, y))(ys))(xs))

    both = (jax.jit(jax.grad(f, (0, 1)))(xs, ys) for f in (pairwise, single))
    chex.assert_trees_all_close(*both, rtol=1e-4, atol=1e-4)


@each_energy
@pytest.mark.parametrize("value", [0.0, 1.0, 1e3])
def test_gradients_are_finite_where_embeddings_meet(energy, value):
    xs = jnp.full((3, 4), value)
    single, pairs = slopes(energy)
    chex.assert_tree_all_finite((single(xs[0], xs[0]), pairs(xs, xs)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([2, 64, 256]),
    offset=st.sampled_from([0.0, 10.0, 1000.0]),
    scale=st.sampled_from([0.01, 1.0, 100.0]),
)
def test_squared_distances_are_as_accurate_as_promised(seed, size, offset, scale):
    xs, ys = batches(seed, 32, 32, size, offset, scale)
    ys = ys.at[0].set(xs[0])
    ours = np.asarray(jax.jit(squared_distances)(xs, ys), np.float64)
    x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    exact = ((x[:, None] - y[None]) ** 2).sum(-1)
    centre = y.mean(0)
    bound = ((x - centre) ** 2).sum(-1)[:, None] + ((y - centre) ** 2).sum(-1)[None]
    rounding_of_centring = 1e-7 * abs(offset) * np.sqrt(size * bound)
    assert (ours >= 0).all()
    assert (np.abs(ours - exact) <= 1e-6 * bound + 2 * rounding_of_centring + 1e-12).all()


def test_common_offset_costs_no_accuracy():
    xs, ys = batches(0, 16, 16, 64)
    far = squared_distances(xs + 1024, ys + 1024)
    rounded = squared_distances((xs + 1024) - 1024, (ys + 1024) - 1024)
    np.testing.assert_allclose(far, rounded, rtol=1e-3)


def test_cosine_is_scale_free_and_bounded():
    xs, ys = batches(0)
    small, large = Cosine().pairwise(xs, ys), Cosine().pairwise(100 * xs, ys)
    np.testing.assert_allclose(small, large, rtol=1e-4, atol=1e-5)
    assert np.abs(small).max() <= 1


@pytest.mark.parametrize("kind", [NegativeL2, Cosine, NegativeMRN])
def test_epsilon_must_be_positive(kind):
    with pytest.raises(SettingError, match="epsilon is 0"):
        kind(epsilon=0.0)


@each_energy
def test_energies_hold_no_parameters(energy):
    assert jax.tree.leaves(energy) == []

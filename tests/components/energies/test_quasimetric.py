"""Minus a quasimetric: the triangle inequality holds, symmetry does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from components.energies.quasimetric import NegativeMRN

points = arrays.arrays(np.float32, (3, 6), elements=st.floats(-100, 100, width=32))


@jax.jit
def distances(xs):
    """All distances between points, by single pairs: NegativeMRN(1e-6) with its sign changed."""
    one = lambda x, y: -NegativeMRN()(x, y)  # noqa: E731
    return jax.vmap(lambda x: jax.vmap(lambda y: one(x, y))(xs))(xs)


@pytest.mark.parametrize(
    ("x", "y", "there", "back"),
    [
        # The first halves are 5 apart; of the second halves x is ahead by 2 and 7, y by nothing.
        ([3.0, 0.0, 2.0, 8.0], [0.0, 4.0, 0.0, 1.0], 5.0 + 7.0, 5.0),
        ([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 3.0], 0.001 + 1.0, 0.001 + 3.0),
        # Of five numbers two are symmetric and three are not.
        ([0.0, 2.0, 9.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 4.0], 2.0 + 9.0, 2.0 + 4.0),
    ],
)
def test_literal_numbers(x, y, there, back):
    x, y = jnp.asarray(x), jnp.asarray(y)
    np.testing.assert_allclose(-NegativeMRN()(x, y), there, rtol=1e-6)
    np.testing.assert_allclose(-NegativeMRN()(y, x), back, rtol=1e-6)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(points)
def test_triangle_inequality_and_sign(points):
    d = np.asarray(distances(jnp.asarray(points)))
    assert (d > 0).all()
    via = (d[:, :, None] + d[None]).min(axis=1)
    assert (d <= via * (1 + 1e-5)).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(points)
def test_pairwise_is_every_single_pair(points):
    xs = jnp.asarray(points)
    # The matrix product cancels: its error is absolute, below 1e-6 of the squared norms.
    error = np.sqrt(4e-6 * float(jnp.sum(xs**2)) + 1e-6)
    np.testing.assert_allclose(-pairwise(xs, xs), distances(xs), rtol=1e-5, atol=error)


pairwise = jax.jit(NegativeMRN().pairwise)


def test_a_point_is_the_square_root_of_epsilon_from_itself():
    x = jnp.asarray([1.0, -2.0, 3.0, 4.0])
    np.testing.assert_allclose(NegativeMRN(1e-4)(x, x), -0.01, rtol=1e-6)


def test_there_is_not_as_far_as_back():
    d = np.asarray(distances(jax.random.normal(jax.random.key(0), (8, 6))))
    assert (np.abs(d - d.T)[~np.eye(8, dtype=bool)] > 0).mean() > 0.8


def test_gradient_at_equal_points_is_zero():
    x = jnp.asarray([1.0, -2.0, 3.0, 4.0])
    np.testing.assert_array_equal(jax.grad(NegativeMRN())(x, x), np.zeros(4))


def test_gradient_of_the_asymmetric_half_is_of_the_one_largest_lead():
    x, y = jnp.asarray([3.0, 0.0, 2.0, 8.0]), jnp.asarray([0.0, 4.0, 0.0, 1.0])
    there, back = jax.grad(NegativeMRN())(x, y), jax.grad(NegativeMRN())(y, x)
    np.testing.assert_allclose(there, [-0.6, 0.8, 0.0, -1.0], atol=1e-6)
    np.testing.assert_allclose(back, [0.6, -0.8, 0.0, 0.0], atol=1e-6)

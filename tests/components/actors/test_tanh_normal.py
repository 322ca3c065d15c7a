"""The tanh-normal against numeric integration, float64 formulas and extreme parameters."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.actors.tanh_normal import TanhNormal, log_tanh_slope


def one(mean, log_std):
    """A distribution of one number."""
    return TanhNormal(jnp.array([mean], jnp.float32), jnp.array([log_std], jnp.float32))


def exact_log_prob(action, mean, log_std):
    """The density of one number in float64, straight from the change of variables."""
    u = np.arctanh(action)
    std = np.exp(log_std)
    normal = np.exp(-0.5 * ((u - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    return np.log(normal / (1 - action**2))


@pytest.mark.parametrize(("mean", "log_std"), [(0.0, 0.0), (0.5, -1.0), (-1.0, 0.3), (2.0, -2.0)])
def test_density_integrates_to_one(mean, log_std):
    # Midpoints of equal steps of u, so that the mass near -1 and 1 is resolved.
    edges = np.tanh(np.linspace(-7, 7, 20_001))
    middle = np.tanh((np.arctanh(edges[1:]) + np.arctanh(edges[:-1])) / 2)
    distribution = one(mean, log_std)
    log_prob = jax.vmap(distribution.log_prob)(jnp.asarray(middle[:, None], jnp.float32))
    total = np.sum(np.exp(np.asarray(log_prob, np.float64)) * np.diff(edges))
    np.testing.assert_allclose(total, 1, atol=2e-3)


def test_literal_number():
    # At mean 0, log_std 0, action 0: -0.5 log(2 pi).
    np.testing.assert_allclose(one(0.0, 0.0).log_prob(jnp.zeros(1)), -0.9189385, rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    action=st.floats(-0.99, 0.99),
    mean=st.floats(-3, 3),
    log_std=st.floats(-2, 2),
)
def test_log_prob_is_the_change_of_variables(action, mean, log_std):
    a = np.float32(action)
    expected = exact_log_prob(np.float64(a), np.float32(mean), np.float32(log_std))
    ours = one(mean, log_std).log_prob(jnp.array([a]))
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=2e-4)


@settings(max_examples=50, deadline=None)
@given(u=st.floats(-8, 8))
def test_log_slope_against_float64(u):
    u = np.float64(np.float32(u))
    expected = -2 * np.log(np.cosh(u))
    np.testing.assert_allclose(log_tanh_slope(jnp.array([u], jnp.float32)), [expected], atol=5e-6)


def test_log_slope_far_out():
    ours = log_tanh_slope(jnp.array([-1000.0, 1000.0]))
    np.testing.assert_allclose(ours, 2 * np.log(2) - 2000, rtol=1e-6)


def test_sampled_log_prob_is_that_of_the_sampled_action(key):
    distribution = TanhNormal(jnp.array([0.3, -0.5, 1.0]), jnp.array([-1.0, 0.0, 0.2]))
    for k in jax.random.split(key, 5):
        action, log_prob = distribution.sample_and_log_prob(k)
        np.testing.assert_allclose(log_prob, distribution.log_prob(action), rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(action, distribution.sample(k))


def test_log_prob_of_several_numbers_is_the_sum():
    both = TanhNormal(jnp.array([0.3, -0.5]), jnp.array([-1.0, 0.0]))
    expected = exact_log_prob(0.25, 0.3, -1.0) + exact_log_prob(-0.75, -0.5, 0.0)
    np.testing.assert_allclose(both.log_prob(jnp.array([0.25, -0.75])), expected, rtol=1e-5)


def test_samples_have_the_moments_of_the_normal_before_tanh(key):
    distribution = one(0.2, -1.0)
    samples = jax.vmap(distribution.sample)(jax.random.split(key, 20_000))
    u = np.arctanh(np.asarray(samples, np.float64))
    np.testing.assert_allclose([u.mean(), u.std()], [0.2, np.exp(-1)], atol=0.01)


@pytest.mark.parametrize("mean", [-1e4, -50.0, -8.0, 0.0, 8.0, 50.0, 1e4])
@pytest.mark.parametrize("log_std", [-5.0, 2.0])
def test_value_and_gradient_are_finite_at_extreme_means(key, mean, log_std):
    mean, log_std = jnp.array([mean]), jnp.array([log_std])

    def sampled(mean, log_std):
        action, log_prob = TanhNormal(mean, log_std).sample_and_log_prob(key)
        return log_prob + jnp.sum(action)

    def given_action(mean, log_std, action):
        return TanhNormal(mean, log_std).log_prob(action)

    value, gradient = jax.value_and_grad(sampled, (0, 1))(mean, log_std)
    chex.assert_tree_all_finite((value, gradient))
    for edge in (-1.0, 1.0):
        value, gradient = jax.value_and_grad(given_action, (0, 1, 2))(
            mean, log_std, jnp.array([edge])
        )
        chex.assert_tree_all_finite((value, gradient))


def test_log_prob_at_the_edge_is_that_just_inside():
    distribution = one(0.0, 0.0)
    inside = np.float32(1 - 2 * np.finfo(np.float32).eps)
    at, near = (float(distribution.log_prob(jnp.array([a], jnp.float32))) for a in (1.0, inside))
    assert abs(at - near) < 4


def test_mode_is_tanh_of_the_mean():
    np.testing.assert_allclose(one(0.5, 1.0).mode(), [np.tanh(0.5)], rtol=1e-6)

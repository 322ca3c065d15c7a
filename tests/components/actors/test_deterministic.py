"""The policy without a distribution, and its exploration noise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.actors.deterministic import DeterministicActor, NoisyAction
from components.constraints import SettingError
from components.env_dims import EnvDims
from components.networks.layers import Dense

DIMS = EnvDims(state=2, goal=1, action=3)


def test_the_action_is_tanh_of_the_network():
    actor = filled(functools.partial(DeterministicActor, Dense, 0.3, dims=DIMS))
    state, goal = jnp.asarray([1.0, -2.0]), jnp.asarray([0.5])
    policy = actor(state, goal)
    weight, bias = (np.asarray(x, np.float64) for x in (actor.network.weight, actor.network.bias))
    expected = np.tanh(np.array([1.0, -2.0, 0.5]) @ weight + bias)
    np.testing.assert_allclose(policy.mode(), expected, rtol=1e-5)
    assert policy.noise == 0.3


def test_noise_is_normal_and_its_own_in_every_entry():
    policy = NoisyAction(jnp.asarray([0.0, 0.25]), 0.1)
    keys = jax.random.split(jax.random.key(0), 10_000)
    noise = np.asarray(jax.vmap(policy.sample)(keys)) - np.array([0.0, 0.25])
    np.testing.assert_allclose(noise.mean(0), 0.0, atol=0.005)
    np.testing.assert_allclose(np.cov(noise.T), 0.01 * np.eye(2), atol=5e-4)
    assert abs((np.abs(noise) < 0.1).mean() - 0.6827) < 0.01


def test_noisy_actions_stay_inside_the_bounds():
    policy = NoisyAction(jnp.asarray([0.9, -0.9]), 1.0)
    keys = jax.random.split(jax.random.key(0), 500)
    actions = np.asarray(jax.vmap(policy.sample)(keys))
    assert np.abs(actions).max() == 1.0
    assert (np.abs(actions) < 1).any()


def test_without_noise_a_sample_is_the_mode(key):
    policy = NoisyAction(jnp.asarray([0.5, -1.0]), 0.0)
    np.testing.assert_array_equal(policy.sample(key), policy.mode())


def test_impossible_settings(key):
    with pytest.raises(SettingError, match=r"noise is -0\.1"):
        DeterministicActor(Dense, -0.1, dims=DIMS, key=key)

"""The tanh-Gaussian actor: what its network's outputs mean."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.actors.tanh_gaussian import TanhGaussianActor
from components.constraints import SettingError
from components.env_dims import EnvDims
from components.networks import ResidualMLP

DIMS = EnvDims(state=3, goal=2, action=2)


def constant_plan(outputs):
    """A plan of a network that always answers the same, and records what it was built with."""
    built = {}

    def plan(*, in_size, out_size, key):
        del key
        built.update(in_size=in_size, out_size=out_size)
        return lambda _: jnp.asarray(outputs, jnp.float32)

    return plan, built


def test_outputs_are_means_then_squashed_log_stds(key):
    plan, built = constant_plan([0.5, -2.0, 0.0, 1.0])
    actor = TanhGaussianActor(plan, log_std_min=-5.0, log_std_max=2.0, dims=DIMS, key=key)
    distribution = actor(jnp.ones(3), jnp.ones(2))
    assert built == {"in_size": 5, "out_size": 4}
    np.testing.assert_allclose(distribution.mean, [0.5, -2.0])
    np.testing.assert_allclose(
        distribution.log_std, [-1.5, -5 + 3.5 * (np.tanh(1.0) + 1)], rtol=1e-6
    )


@pytest.mark.parametrize(("z", "expected"), [(-1e6, -4.0), (1e6, 1.0)])
def test_log_std_stays_within_its_bounds(key, z, expected):
    plan, _ = constant_plan([0.0, 0.0, z, z])
    actor = TanhGaussianActor(plan, log_std_min=-4.0, log_std_max=1.0, dims=DIMS, key=key)
    np.testing.assert_allclose(actor(jnp.ones(3), jnp.ones(2)).log_std, expected)


def test_state_comes_before_goal(key):
    def plan(*, in_size, out_size, key):
        del in_size, out_size, key
        return lambda x: x[:4]

    actor = TanhGaussianActor(plan, dims=DIMS, key=key)
    np.testing.assert_allclose(actor(jnp.array([1.0, 2.0, 3.0]), jnp.zeros(2)).mean, [1.0, 2.0])


def test_real_network_in_a_batch(key):
    plan = functools.partial(ResidualMLP, 8, 8)
    actor = filled(functools.partial(TanhGaussianActor, plan, dims=DIMS))
    states, goals = jnp.ones((6, 3)), jnp.ones((6, 2))
    actions = jax.jit(jax.vmap(lambda s, g, k: actor(s, g).sample(k)))(
        states, goals, jax.random.split(key, 6)
    )
    assert actions.shape == (6, 2)
    assert actions.dtype == jnp.float32
    assert np.abs(actions).max() <= 1


def test_bounds_the_wrong_way_round(key):
    plan, _ = constant_plan([0.0] * 4)
    with pytest.raises(SettingError, match=r"log_std_min is 2\.0.*less than log_std_max, 2.0"):
        TanhGaussianActor(plan, log_std_min=2.0, log_std_max=2.0, dims=DIMS, key=key)

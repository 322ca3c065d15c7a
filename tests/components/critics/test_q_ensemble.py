"""Ensembles of state-action values."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.constraints import SettingError
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.networks import ResidualMLP
from components.networks.layers import Dense

DIMS = EnvDims(state=2, goal=1, action=3)
STATE, ACTION, GOAL = jnp.asarray([1.0, -2.0]), jnp.asarray([0.5, 0.25, -1.0]), jnp.asarray([3.0])
INPUT = np.array([1.0, -2.0, 0.5, 0.25, -1.0, 3.0])


def linear(members=4, aggregation="minimum"):
    """Members that are one dense layer each, with random weights and biases."""
    return filled(functools.partial(QEnsemble, Dense, members, aggregation, dims=DIMS))


def expected(critic):
    """The value of the example by each member, in float64."""
    weight, bias = (np.asarray(x, np.float64) for x in (critic.network.weight, critic.network.bias))
    return np.array([INPUT @ w[:, 0] + b[0] for w, b in zip(weight, bias, strict=True)])


@pytest.mark.parametrize("members", [1, 4])
def test_values_are_those_of_each_member_on_state_action_and_goal(members):
    critic = linear(members)
    assert critic.values(STATE, ACTION, GOAL).shape == (members,)
    np.testing.assert_allclose(critic.values(STATE, ACTION, GOAL), expected(critic), rtol=1e-5)


def test_members_are_aggregated_by_minimum_or_first():
    critics = {name: linear(aggregation=name) for name in ("minimum", "first")}
    values = expected(critics["first"])
    assert values.argmin() != 0
    np.testing.assert_allclose(critics["minimum"](STATE, ACTION, GOAL), values.min(), rtol=1e-5)
    np.testing.assert_allclose(critics["first"](STATE, ACTION, GOAL), values[0], rtol=1e-5)


@pytest.mark.parametrize("aggregation", ["minimum", "first"])
def test_only_the_aggregated_member_has_a_gradient(aggregation):
    critic = linear(aggregation=aggregation)
    member = 0 if aggregation == "first" else expected(critic).argmin()
    slope = jax.grad(critic, argnums=1)(STATE, ACTION, GOAL)
    np.testing.assert_allclose(slope, critic.network.weight[member, 2:5, 0], rtol=1e-6)


def test_deep_members_of_one_plan_with_weights_of_their_own(key):
    plan = functools.partial(ResidualMLP, width=8, depth=8)
    critic, values = eqx.filter_jit(lambda: example(QEnsemble(plan, 3, dims=DIMS, key=key)))()
    weights = critic.network.blocks.layers[2].dense.weight
    assert weights.shape == (3, 2, 8, 8)  # members, blocks, in, out
    assert len(np.unique(np.asarray(weights).round(6))) > 0.9 * weights.size
    assert len(set(np.asarray(values).tolist())) == 3
    alone = jax.tree.map(lambda x: x[1], critic.network)
    x = jnp.asarray(INPUT, jnp.float32)
    np.testing.assert_allclose(values[1], eqx.filter_jit(alone)(x)[0], rtol=1e-5)


def example(critic):
    """The critic and its values of the example."""
    return critic, critic.values(STATE, ACTION, GOAL)


def test_under_vmap():
    critic = linear()
    states = jnp.stack([STATE, -STATE])
    values = jax.jit(jax.vmap(critic.values, in_axes=(0, None, None)))(states, ACTION, GOAL)
    for state, value in zip(states, values, strict=True):
        np.testing.assert_allclose(value, critic.values(state, ACTION, GOAL), rtol=1e-5)


def test_impossible_settings(key):
    with pytest.raises(SettingError, match="members is 0"):
        QEnsemble(Dense, 0, dims=DIMS, key=key)
    with pytest.raises(SettingError, match=r"aggregation is 'mean'.*'minimum', 'first'"):
        QEnsemble(Dense, aggregation="mean", dims=DIMS, key=key)

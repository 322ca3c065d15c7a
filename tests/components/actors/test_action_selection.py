"""How actions are chosen from policies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from stub_networks import FunctionActor, FunctionCritic

from components.actors.action_selection import BestOf, Mode, Sample
from components.actors.tanh_normal import TanhNormal
from components.constraints import SettingError

STATE, GOAL = jnp.asarray([0.5, -0.5]), jnp.asarray([0.25])


@FunctionActor
def policy(state, goal):
    """A random action around 0.4 of the state and the goal."""
    mean = 0.4 * (state + goal)
    return TanhNormal(mean, jnp.full_like(mean, -0.5))


@FunctionCritic
def critic(_state, action, goal):
    """Best at an action of twice the goal in both entries."""
    return -jnp.sum(jnp.square(action - 2 * goal))


@FunctionCritic
def no_critic(*_):
    raise AssertionError("the critic is not to be asked")


def test_sample_is_the_policys_own(key):
    action = Sample()(policy, no_critic, STATE, GOAL, key)
    np.testing.assert_array_equal(action, policy(STATE, GOAL).sample(key))


def test_mode_is_the_same_for_every_key(key):
    action = Mode()(policy, no_critic, STATE, GOAL, key)
    np.testing.assert_array_equal(action, Mode()(policy, None, STATE, GOAL, jax.random.key(9)))
    np.testing.assert_allclose(action, np.tanh([0.3, -0.1]), rtol=1e-5)


@jax.jit
def best_of_seven(key):
    return BestOf(7)(policy, critic, STATE, GOAL, key)


@pytest.mark.parametrize("seed", range(5))
def test_best_of_is_the_one_that_the_critic_likes_most(seed):
    key = jax.random.key(seed)
    drawn = jax.vmap(policy(STATE, GOAL).sample)(jax.random.split(key, 7))
    values = [float(critic(STATE, action, GOAL)) for action in drawn]
    chosen = best_of_seven(key)
    np.testing.assert_allclose(chosen, drawn[int(np.argmax(values))], rtol=1e-6)
    assert len(set(values)) == 7


def test_best_of_one_is_a_sample(key):
    only = BestOf(1)(policy, critic, STATE, GOAL, key)
    np.testing.assert_allclose(only, policy(STATE, GOAL).sample(jax.random.split(key, 1)[0]))
    # Seen as a distribution: the mean of atanh of it is the policy's, not the critic's.
    draw = jax.jit(jax.vmap(lambda key: BestOf(1)(policy, critic, STATE, GOAL, key)))
    actions = np.asarray(draw(jax.random.split(key, 4000)))
    np.testing.assert_allclose(np.arctanh(actions).mean(0), [0.3, -0.1], atol=0.04)
    np.testing.assert_allclose(np.arctanh(actions).std(0), np.exp(-0.5), rtol=0.05)


def test_impossible_settings():
    with pytest.raises(SettingError, match="count is 0"):
        BestOf(0)

"""C-learning and its gradient against NumPy in float64."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import LinearCritic, LinearPolicy, float32, rows
from stub_networks import FunctionCritic

from components.constraints import SettingError
from components.losses.c_learning import CLearning
from components.protocols import StopGradNetworks
from components.replay.batch import Batch

BATCH = Batch(
    state=np.array([[0.5], [1.0], [-0.5], [0.0]]),
    action=np.array([[0.25], [-1.0], [0.0], [0.75]]),
    next_state=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    goal=np.array([[1.0], [-1.0], [0.5], [3.0]]),
    achieved=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    reward=np.array([1.0, 0.0, 0.0, 1.0]),
    discount=np.array([1.0, 1.0, 0.0, 1.0]),
)
CRITIC = np.array([[0.5, -0.25, 1.0], [-0.5, 0.75, 0.25]])
TARGET_CRITIC = np.array([[1.0, 0.5, 0.75], [0.25, -1.0, 2.0]])
POLICY = np.array([[0.5, -0.5]])
DISCOUNT, LARGEST = 0.8, 5.0
LOSS = CLearning(DISCOUNT, LARGEST)


def networks(critic=CRITIC):
    """A critic, a batch and what is frozen, in the order that the loss takes them."""
    frozen = StopGradNetworks(
        actor=LinearPolicy(POLICY),
        critic=LinearCritic(critic),
        temperature=jnp.zeros(()),
        target_actor=LinearPolicy(np.full((1, 2), 9.0)),
        target_critic=LinearCritic(TARGET_CRITIC),
    )
    return float32((LinearCritic(critic), BATCH, frozen))


def reference():
    """Value, gradient, and the weights w."""
    size = len(BATCH.state)
    action = rows(BATCH.next_state, BATCH.goal) @ POLICY.T / 2
    logit = (rows(BATCH.next_state, action, BATCH.goal) @ TARGET_CRITIC.T).min(1)
    weight = np.minimum(np.exp(logit), LARGEST)
    value, slope = 0.0, np.zeros_like(CRITIC)
    for i in range(size):
        reached = np.concatenate([BATCH.state[i], BATCH.action[i], BATCH.achieved[i]])
        random = np.concatenate([BATCH.state[i], BATCH.action[i], BATCH.goal[i]])
        for k in range(len(CRITIC)):
            c_reached = 1 / (1 + np.exp(-CRITIC[k] @ reached))
            c_random = 1 / (1 + np.exp(-CRITIC[k] @ random))
            bootstrap = DISCOUNT * BATCH.discount[i] * weight[i]
            value -= (1 - DISCOUNT) * np.log(c_reached) / size
            value -= (bootstrap * np.log(c_random) + np.log(1 - c_random)) / size
            slope[k] -= (1 - DISCOUNT) * (1 - c_reached) * reached / size
            slope[k] -= (bootstrap * (1 - c_random) - c_random) * random / size
    return value, slope, weight


def test_value_gradient_and_metrics_against_numpy(key):
    critic, *others = networks()
    step = jax.jit(jax.value_and_grad(lambda f: LOSS(f, *others, key), has_aux=True))
    (value, metrics), slope = step(critic)
    expected_value, expected_slope, weight = reference()
    assert weight.max() == LARGEST  # one of them is clipped, others are not
    assert weight.min() < LARGEST
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    np.testing.assert_allclose(slope.weights, expected_slope, rtol=1e-5, atol=1e-6)
    reached = rows(BATCH.state, BATCH.action, BATCH.achieved) @ CRITIC.T
    random = rows(BATCH.state, BATCH.action, BATCH.goal) @ CRITIC.T
    np.testing.assert_allclose(metrics["logits_positive"], reached.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["logits_negative"], random.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["weight"], weight.mean(), rtol=1e-5)


def test_literal_number(key):
    np.testing.assert_allclose(LOSS(*networks(), key)[0], 3.8026410, rtol=1e-5)


def test_no_gradient_reaches_what_is_frozen(key):
    critic, batch, frozen = networks()
    slope = jax.jit(jax.grad(lambda frozen: LOSS(critic, batch, frozen, key)[0]))(frozen)
    chex.assert_trees_all_equal(slope, jax.tree.map(jnp.zeros_like, slope))


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_finite_at_extreme_logits(scale, key):
    critic, batch, frozen = networks(scale * CRITIC)
    frozen = replace(frozen, target_critic=LinearCritic(jnp.float32(scale) * critic.weights))
    step = jax.jit(jax.value_and_grad(lambda f: LOSS(f, batch, frozen, key)[0]))
    value, slope = step(critic)
    chex.assert_tree_all_finite((value, slope))


def test_the_ratio_it_learns_is_the_discounted_future_over_the_random_goals(key):
    """Two absorbing places, 0 and 1, each half of the random goals.

    From place s the whole future is s, so C / (1 - C) at goal g is [s = g] / (1 / 2).
    """
    places = np.array([[0.0], [0.0], [1.0], [1.0]])
    batch = float32(
        Batch(
            state=places,
            action=np.zeros((4, 1)),
            next_state=places,
            goal=np.array([[0.0], [1.0], [0.0], [1.0]]),
            achieved=places,
            reward=np.zeros(4),
            discount=np.ones(4),
        )
    )

    def table(logits):
        """A critic with a logit of its own for every place and goal."""
        index = lambda x: x[0].astype(jnp.int32)  # noqa: E731
        return FunctionCritic(lambda state, _, goal: logits[index(state), index(goal)])

    @jax.jit
    def learn(logits):
        def loss(logits, target):
            frozen = replace(networks()[2], target_critic=table(target))
            return CLearning(0.5, 20.0)(table(logits), batch, frozen, key)[0]

        step = lambda _, f: f - 2 * jax.grad(loss)(f, f)  # noqa: E731
        return jax.lax.fori_loop(0, 500, step, logits)

    ratio = np.exp(np.asarray(learn(jnp.zeros((2, 2)))))
    np.testing.assert_allclose(np.diag(ratio), 2.0, rtol=1e-3)
    assert ratio[0, 1] < 0.02
    assert ratio[1, 0] < 0.02


def test_impossible_settings():
    with pytest.raises(SettingError, match=r"discount is 1\.0"):
        CLearning(1.0)
    with pytest.raises(SettingError, match=r"largest_weight is 0\.0"):
        CLearning(largest_weight=0.0)

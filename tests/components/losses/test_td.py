"""Temporal-difference losses and their gradients against NumPy in float64."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import LinearCritic, LinearPolicy, float32, rows
from stub_networks import FunctionActor, FunctionCritic

from components.actors.tanh_normal import TanhNormal
from components.constraints import SettingError
from components.losses.td import ClippedDoubleQ, SoftBellman, bellman_target
from components.protocols import StopGradNetworks
from components.replay.batch import Batch

# Two numbers in a state, one in a goal, two in an action; five transitions.
BATCH = Batch(
    state=np.array([[0.5, -1.0], [1.0, 0.0], [-0.5, 2.0], [0.0, 0.25], [1.5, 1.0]]),
    action=np.array([[0.25, -0.5], [-1.0, 1.0], [0.0, 0.5], [0.75, 0.0], [-0.25, -0.75]]),
    next_state=np.array([[1.0, -0.5], [0.5, 0.5], [-1.0, 1.5], [0.25, 0.0], [2.0, 0.5]]),
    goal=np.array([[1.0], [-1.0], [0.5], [0.0], [2.0]]),
    achieved=np.zeros((5, 1)),
    reward=np.array([1.0, 0.0, 0.0, 1.0, 0.0]),
    discount=np.array([1.0, 1.0, 0.0, 1.0, 0.0]),
)
CRITIC = np.array([[0.5, -0.25, 1.0, 0.5, -1.0], [-0.5, 0.75, 0.25, -1.0, 0.5]])
TARGET_CRITIC = np.array([[1.0, 0.5, -0.5, 0.25, 0.75], [0.25, -1.0, 0.5, 1.0, -0.25]])
POLICY = np.array([[0.5, 0.25, -0.5], [-0.25, 0.5, 1.0]])
TARGET_POLICY = np.array([[-0.5, 0.75, 0.25], [1.5, -0.5, 0.5]])
TEMPERATURE, DISCOUNT = 0.3, 0.9


def networks(critic=CRITIC):
    """A critic, a batch and what is frozen, in the order that losses take them."""
    frozen = StopGradNetworks(
        actor=LinearPolicy(POLICY),
        critic=LinearCritic(critic),
        temperature=jnp.float32(TEMPERATURE),
        target_actor=LinearPolicy(TARGET_POLICY),
        target_critic=LinearCritic(TARGET_CRITIC),
    )
    return float32((LinearCritic(critic), BATCH, frozen))


def least(critic, action):
    """The least member's value of the next states."""
    return (rows(BATCH.next_state, action, BATCH.goal) @ critic.T).min(1)


def reference(target):
    """Value, gradient and metrics of the squared error to a target."""
    x = rows(BATCH.state, BATCH.action, BATCH.goal)
    values = x @ CRITIC.T
    error = values - target[:, None]
    metrics = {"q_value": values.mean(), "q_target": target.mean(), "td_error": abs(error).mean()}
    return (error**2).sum() / 2 / len(x), error.T @ x / len(x), metrics


def reference_soft():
    m = rows(BATCH.next_state, BATCH.goal) @ POLICY.T
    log_prob = 3 * m.sum(1) - ((m / 2) ** 2).sum(1)
    value = least(TARGET_CRITIC, m / 2) - TEMPERATURE * log_prob
    return reference(BATCH.reward + DISCOUNT * BATCH.discount * value)


def reference_double():
    action = np.clip(rows(BATCH.next_state, BATCH.goal) @ TARGET_POLICY.T, -1, 1)
    value = least(TARGET_CRITIC, action)
    return reference(BATCH.reward + DISCOUNT * BATCH.discount * value)


CASES = [
    (SoftBellman(DISCOUNT), reference_soft),
    (ClippedDoubleQ(DISCOUNT, smoothing=0.0), reference_double),
]
each_case = pytest.mark.parametrize(("loss", "expected"), CASES, ids=["soft", "double"])


@each_case
def test_value_gradient_and_metrics_against_numpy(loss, expected, key):
    critic, *others = networks()
    step = jax.jit(jax.value_and_grad(lambda f: loss(f, *others, key), has_aux=True))
    (value, metrics), slope = step(critic)
    expected_value, expected_slope, expected_metrics = expected()
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    np.testing.assert_allclose(slope.weights, expected_slope, rtol=1e-5, atol=1e-6)
    assert metrics.keys() == expected_metrics.keys()
    for name, number in expected_metrics.items():
        np.testing.assert_allclose(metrics[name], number, rtol=1e-5)


@pytest.mark.parametrize(("loss", "expected"), [(CASES[0][0], 2.1896792), (CASES[1][0], 2.8283281)])
def test_literal_numbers(loss, expected, key):
    np.testing.assert_allclose(loss(*networks(), key)[0], expected, rtol=1e-5)


@each_case
def test_no_gradient_reaches_what_is_frozen(loss, expected, key):  # noqa: ARG001
    critic, batch, frozen = networks()
    slope = jax.jit(jax.grad(lambda frozen: loss(critic, batch, frozen, key)[0]))(frozen)
    chex.assert_trees_all_equal(slope, jax.tree.map(jnp.zeros_like, slope))


@each_case
@pytest.mark.parametrize("scale", [0.0, 1e6])
def test_finite_at_extreme_values(loss, expected, scale, key):  # noqa: ARG001
    critic, *others = networks(scale * CRITIC)
    value, slope = jax.value_and_grad(lambda f: loss(f, *others, key)[0])(critic)
    chex.assert_tree_all_finite((value, slope))


def test_only_a_termination_cuts_the_bootstrap():
    target = bellman_target(float32(BATCH), jnp.full(5, 10.0), 0.5)
    np.testing.assert_array_equal(target, [6.0, 5.0, 0.0, 6.0, 0.0])


def repeated(count):
    """Transition 1 of the batch many times over."""
    return jax.tree.map(lambda x: jnp.repeat(x[1:2], count, axis=0), float32(BATCH))


def test_soft_target_is_the_expected_value_plus_the_entropy_of_independent_actions(key):
    critic, _, frozen = networks()
    # One member, linear in the action: at mean action 0 its mean value is that of state and goal.
    one = float32(LinearCritic(TARGET_CRITIC[:1]))
    actor = FunctionActor(lambda *_: TanhNormal(jnp.zeros(2), jnp.full(2, -2.0)))
    frozen = replace(frozen, actor=actor, target_critic=one)
    _, metrics = jax.jit(SoftBellman(DISCOUNT))(critic, repeated(20_000), frozen, key)
    # Entropy of N(0, s) is 1.419 + log s per dimension; tanh costs E[log(1 - tanh^2)] = -0.018.
    entropy = 2 * (1.41894 - 2.0 - 0.01799)
    value = 1.0 * 0.5 + 0.5 * 0.5 + 0.75 * -1.0
    expected = DISCOUNT * (value + TEMPERATURE * entropy)
    np.testing.assert_allclose(metrics["q_target"], expected, atol=0.005)


@pytest.mark.parametrize(
    ("smoothing", "clip", "largest"), [(0.2, 0.5, 0.5), (10.0, 0.25, 0.25), (10.0, 9.0, 1.0)]
)
def test_smoothing_noise_is_clipped_and_so_is_the_action(smoothing, clip, largest, key):
    # The value is the first entry of the next action, around a target action of 0.
    weights = np.zeros((1, 5))
    weights[0, 2] = 1.0
    batch = repeated(4000)._replace(reward=jnp.zeros(4000))
    _, _, frozen = networks()
    frozen = replace(
        frozen,
        target_actor=float32(LinearPolicy(np.zeros((2, 3)))),
        target_critic=float32(LinearCritic(weights)),
    )
    at_zero = FunctionCritic(lambda *_: jnp.zeros(()))  # its errors are minus the targets
    _, metrics = jax.jit(ClippedDoubleQ(0.5, smoothing, clip))(at_zero, batch, frozen, key)
    noise = np.random.default_rng(0).standard_normal(1_000_000) * smoothing
    size = abs(np.clip(noise, -largest, largest)).mean()
    np.testing.assert_allclose(metrics["td_error"], 0.5 * size, rtol=0.05)
    np.testing.assert_allclose(metrics["q_target"], 0.0, atol=5 * 0.5 * size / np.sqrt(4000))


def test_smoothing_is_new_at_every_update_and_for_every_transition():
    critic, _, frozen = networks()
    loss = jax.jit(ClippedDoubleQ(DISCOUNT, 0.2))
    targets = [
        float(loss(critic, repeated(count), frozen, jax.random.key(seed))[1]["q_target"])
        for seed, count in ((0, 1), (1, 1), (0, 2))
    ]
    assert len(set(targets)) == 3


def test_impossible_settings():
    with pytest.raises(SettingError, match=r"discount is 1\.0"):
        SoftBellman(1.0)
    with pytest.raises(SettingError, match=r"discount is 0\.0"):
        ClippedDoubleQ(0.0)
    with pytest.raises(SettingError, match=r"smoothing is -0\.1"):
        ClippedDoubleQ(smoothing=-0.1)
    with pytest.raises(SettingError, match=r"smoothing_clip is 0\.0"):
        ClippedDoubleQ(smoothing_clip=0.0)

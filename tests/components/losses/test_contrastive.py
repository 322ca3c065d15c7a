"""Contrastive losses and their gradients against NumPy in float64 and literal numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_modules import filled

from components.batch import Batch
from components.critics import ContrastiveCritic
from components.losses.contrastive import (
    BinaryNCE,
    FlatNCE,
    InfoNCE,
    binary_nce,
    contrastive_metrics,
    flat_nce,
    info_nce,
    squared_logsumexp,
)
from components.networks import ResidualMLP
from components.settings import SettingError
from components.spaces import Sizes

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0], [3.0, 0.25, -0.5]])


def softmax(f, axis):
    e = np.exp(f)
    return e / e.sum(axis, keepdims=True)


def lse(f, axis=1):
    return np.log(np.exp(f).sum(axis))


def reference_info_nce(f):
    size = len(f)
    return (lse(f) - np.diag(f)).mean(), (softmax(f, 1) - np.eye(size)) / size


def reference_binary_nce(f):
    probability = 1 / (1 + np.exp(-f))
    positive = np.eye(len(f))
    cross_entropy = -positive * np.log(probability) - (1 - positive) * np.log(1 - probability)
    return cross_entropy.mean(), (probability - positive) / f.size


def reference_flat_nce(f):
    size = len(f)
    negatives = np.exp(f) * (1 - np.eye(size))
    return 1.0, (negatives / negatives.sum(1, keepdims=True) - np.eye(size)) / size


def reference_penalty(f):
    return (lse(f) ** 2).mean(), 2 * lse(f)[:, None] * softmax(f, 1) / len(f)


REFERENCES = [
    (info_nce, reference_info_nce),
    (binary_nce, reference_binary_nce),
    (flat_nce, reference_flat_nce),
    (squared_logsumexp, reference_penalty),
]
OBJECTIVES = [
    *(InfoNCE(d, 0.1).objective for d in ("forward", "backward", "symmetric")),
    *(FlatNCE(d, 0.1).objective for d in ("forward", "backward", "symmetric")),
    BinaryNCE().objective,
]


@pytest.mark.parametrize(("ours", "reference"), REFERENCES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([2, 7]))
def test_value_and_gradient_against_numpy(ours, reference, seed, size):
    f = 3 * np.random.default_rng(seed).standard_normal((size, size))
    value, gradient = jax.jit(jax.value_and_grad(ours))(jnp.asarray(f, jnp.float32))
    expected_value, expected_gradient = reference(f)
    np.testing.assert_allclose(value, expected_value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (InfoNCE("forward", 0.0).objective, 1.3934262),
        (InfoNCE("backward", 0.0).objective, 1.0651190),
        (InfoNCE("symmetric", 0.0).objective, 2.4585452),
        (BinaryNCE().objective, 0.8218008),
        (FlatNCE("forward", 0.0).objective, 1.0),
        (FlatNCE("symmetric", 0.0).objective, 2.0),
        (squared_logsumexp, 5.4637111),
        (InfoNCE("forward").objective, 1.9397973),
        (BinaryNCE(0.1).objective, 1.3681719),
    ],
)
def test_literal_numbers(objective, expected):
    np.testing.assert_allclose(objective(jnp.asarray(LOGITS, jnp.float32)), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [InfoNCE, FlatNCE])
def test_backward_is_forward_of_the_transpose_and_symmetric_is_their_sum(kind):
    f = jnp.asarray(LOGITS, jnp.float32)
    forward = kind("forward", 0.3).objective(f)
    backward = kind("backward", 0.3).objective(f)
    np.testing.assert_allclose(backward, kind("forward", 0.3).objective(f.T), rtol=1e-6)
    np.testing.assert_allclose(kind("symmetric", 0.3).objective(f), forward + backward, rtol=1e-6)
    slopes = [jax.grad(kind(d, 0.3).objective)(f) for d in ("forward", "backward", "symmetric")]
    np.testing.assert_allclose(slopes[0] + slopes[1], slopes[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("direction", "axis"), [("forward", 1), ("backward", 0)])
def test_the_penalty_is_over_the_axis_that_the_loss_normalises(direction, axis):
    f = jnp.asarray(LOGITS, jnp.float32)
    difference = InfoNCE(direction, 0.2).objective(f) - InfoNCE(direction, 0.0).objective(f)
    np.testing.assert_allclose(difference, 0.2 * (lse(LOGITS, axis) ** 2).mean(), rtol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_under_vmap(objective):
    fs = jnp.stack([jnp.asarray(LOGITS, jnp.float32), jnp.asarray(-LOGITS, jnp.float32)])
    values, slopes = jax.vmap(jax.value_and_grad(objective))(fs)
    for i in range(2):
        value, slope = jax.value_and_grad(objective)(fs[i])
        np.testing.assert_allclose(values[i], value, rtol=1e-6)
        np.testing.assert_allclose(slopes[i], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_finite_at_extreme_logits(objective, scale):
    value, slope = jax.value_and_grad(objective)(jnp.asarray(scale * LOGITS, jnp.float32))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_flat_nce_pulls_when_info_nce_has_stopped():
    f = 60.0 * jnp.eye(4)
    assert np.abs(jax.grad(info_nce)(f)).max() < 1e-12
    assert np.abs(jax.grad(flat_nce)(f)).max() > 0.2


def test_metrics_on_numbers():
    metrics = contrastive_metrics(jnp.asarray(LOGITS, jnp.float32))
    expected = {
        "categorical_accuracy": 2 / 3,
        "logits_positive": (2 + 1 - 0.5) / 3,
        "logits_negative": (-1 + 0.5 + 0 - 2 + 3 + 0.25) / 6,
        "logsumexp": lse(LOGITS).mean(),
    }
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-6)


def test_accuracy_of_a_perfect_and_of_a_hopeless_critic():
    perfect = contrastive_metrics(jnp.eye(5))
    hopeless = contrastive_metrics(-jnp.eye(5))
    assert perfect["categorical_accuracy"] == 1
    assert hopeless["categorical_accuracy"] == 0


@pytest.mark.parametrize("loss", [InfoNCE(), BinaryNCE(), FlatNCE()])
def test_called_with_a_critic_and_a_batch(key, loss):
    plan = functools.partial(ResidualMLP, 8, 4)
    critic = filled(functools.partial(ContrastiveCritic, plan, plan, sizes=Sizes(3, 2, 1)))
    state, goal = jax.random.normal(key, (6, 3)), jax.random.normal(key, (6, 2))
    batch = Batch(state, jnp.ones((6, 1)), state, goal, jnp.zeros(6), jnp.ones(6))
    value, metrics = loss(critic, batch)
    logits = critic.logits(state, batch.action, goal)
    np.testing.assert_allclose(value, loss.objective(logits), rtol=1e-6)
    assert metrics.keys() == contrastive_metrics(logits).keys()
    np.testing.assert_allclose(metrics["logits_positive"], jnp.diagonal(logits).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", [InfoNCE, FlatNCE])
def test_impossible_settings(kind):
    with pytest.raises(SettingError, match=r"direction is 'sideways'.*forward"):
        kind("sideways")
    with pytest.raises(SettingError, match="logsumexp_penalty is -1"):
        kind(logsumexp_penalty=-1.0)

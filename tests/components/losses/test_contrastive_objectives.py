"""Objectives of logits and their gradients against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import value_and_slope
from hypothesis import given, settings
from hypothesis import strategies as st

from components.losses.contrastive_objectives import (
    binary_nce,
    contrastive_metrics,
    dpo,
    flat_nce,
    forward_backward,
    info_nce,
    info_nce_without_positive,
    ipo,
    sppo,
    squared_logsumexp,
    squared_logsumexp_of_negatives,
)

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


def negatives(f):
    """Logsumexp and softmax of every row without its true pair."""
    e = np.exp(f) * (1 - np.eye(len(f)))
    return np.log(e.sum(1)), e / e.sum(1, keepdims=True)


def reference_info_nce_without_positive(f):
    size, (lse_negatives, softmax_negatives) = len(f), negatives(f)
    return (lse_negatives - np.diag(f)).mean(), (softmax_negatives - np.eye(size)) / size


def reference_penalty_of_negatives(f):
    lse_negatives, softmax_negatives = negatives(f)
    slope = 2 * lse_negatives[:, None] * softmax_negatives / len(f)
    return (lse_negatives**2).mean(), slope


def reference_forward_backward(f):
    size = len(f)
    value, slope = 0.0, np.zeros_like(f)
    for i in range(size):
        value -= f[i, i] / size
        slope[i, i] = -1 / size
        for j in set(range(size)) - {i}:
            value += f[i, j] ** 2 / (2 * (size - 1)) / size
            slope[i, j] = f[i, j] / (size - 1) / size
    return value, slope


def reference_of_margins(f, loss, derivative):
    """The mean of `loss(f_ii - f_ij)` over all i and j."""
    size = len(f)
    value, slope = 0.0, np.zeros_like(f)
    for i in range(size):
        for j in range(size):
            value += loss(f[i, i] - f[i, j]) / size**2
            slope[i, i] += derivative(f[i, i] - f[i, j]) / size**2
            slope[i, j] -= derivative(f[i, i] - f[i, j]) / size**2
    return value, slope


def reference_dpo(f):
    return reference_of_margins(f, lambda m: np.log1p(np.exp(-m)), lambda m: -1 / (1 + np.exp(m)))


def reference_ipo(f):
    return reference_of_margins(f, lambda m: (m - 1) ** 2, lambda m: 2 * (m - 1))


def reference_sppo(f):
    size = len(f)
    value, slope = 0.0, np.zeros_like(f)
    for i in range(size):
        for j in range(size):
            weight, label = (size, 1) if i == j else (1, -1)
            value += weight * (f[i, j] - label) ** 2 / size**2
            slope[i, j] = 2 * weight * (f[i, j] - label) / size**2
    return value, slope


REFERENCES = [
    (info_nce, reference_info_nce),
    (info_nce_without_positive, reference_info_nce_without_positive),
    (binary_nce, reference_binary_nce),
    (flat_nce, reference_flat_nce),
    (forward_backward, reference_forward_backward),
    (dpo, reference_dpo),
    (ipo, reference_ipo),
    (sppo, reference_sppo),
    (squared_logsumexp, reference_penalty),
    (squared_logsumexp_of_negatives, reference_penalty_of_negatives),
]


@pytest.mark.parametrize(("ours", "reference"), REFERENCES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([2, 7]))
def test_value_and_gradient_against_numpy(ours, reference, seed, size):
    f = 3 * np.random.default_rng(seed).standard_normal((size, size))
    value, gradient = value_and_slope(ours)(jnp.asarray(f, jnp.float32))
    expected_value, expected_gradient = reference(f)
    np.testing.assert_allclose(value, expected_value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


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

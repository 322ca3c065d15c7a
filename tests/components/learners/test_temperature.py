"""Entropy temperatures: literal losses, gradients, and which way alpha moves."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from components.constraints import SettingError
from components.learners.gradient_step import gradient_step, init_optimiser
from components.learners.temperature import FixedTemperature, TunedTemperature


def test_loss_on_numbers():
    temperature = TunedTemperature(2.0, -0.5, action_size=4)
    log_probs = jnp.array([1.0, 3.0])
    # Target entropy -2: alpha * mean(-log_prob + 2) = 2 * mean(1, -1) = 0, then 2 * mean(2, 1).
    np.testing.assert_allclose(temperature.loss(log_probs), 0.0, atol=1e-6)
    np.testing.assert_allclose(temperature.loss(jnp.array([0.0, 1.0])), 3.0, rtol=1e-6)


def test_gradient_is_alpha_times_what_is_missing():
    temperature = TunedTemperature(2.0, -0.5, action_size=4)
    gradient = jax.grad(lambda t: t.loss(jnp.array([0.0, 1.0])))(temperature)
    np.testing.assert_allclose(gradient.log_alpha, 3.0, rtol=1e-6)
    assert len(jax.tree.leaves(temperature)) == 1


def test_no_gradient_reaches_the_policy():
    temperature = TunedTemperature(action_size=2)
    gradient = jax.grad(temperature.loss)(jnp.array([0.5, -1.5]))
    np.testing.assert_array_equal(gradient, np.zeros(2, np.float32))


@pytest.mark.parametrize(("log_prob", "rises"), [(5.0, True), (-5.0, False)])
def test_alpha_rises_when_entropy_is_below_target(log_prob, rises):
    temperature = TunedTemperature(1.0, -0.5, action_size=2)
    slope = jax.grad(lambda t: t.loss(jnp.full(3, log_prob)))(temperature).log_alpha
    assert (slope < 0) == rises


def test_initial_alpha():
    temperature = TunedTemperature(0.25, action_size=2)
    np.testing.assert_allclose(temperature.value(), 0.25, rtol=1e-6)
    assert temperature.log_alpha.dtype == jnp.float32
    np.testing.assert_allclose(TunedTemperature(action_size=1).log_alpha, 0.0)


def test_fixed_temperature_stays_through_a_gradient_step():
    temperature = FixedTemperature(0.3, action_size=2)
    optimiser = optax.adam(1.0)
    new, _, metrics = gradient_step(
        lambda t: (t.loss(jnp.ones(3)), {}),
        temperature,
        optimiser,
        init_optimiser(optimiser, temperature),
    )
    np.testing.assert_allclose(new.value(), 0.3, rtol=1e-6)
    assert metrics["loss"] == 0
    assert new.value().dtype == jnp.float32
    assert jax.tree.leaves(temperature) == []


@pytest.mark.parametrize(
    "build",
    [lambda: FixedTemperature(-0.1, action_size=1), lambda: TunedTemperature(0.0, action_size=1)],
)
def test_impossible_values(build):
    with pytest.raises(SettingError):
        build()

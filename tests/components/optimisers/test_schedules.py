"""Learning rates over a run: spans, policy delays, and what optimisers tell of them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from components.constraints import SettingError
from components.learners.gradient_step import guarded
from components.networks import on_unit_spheres
from components.optimisers.rated import NetworkRate, adam, adamw, network_rates, sgd
from components.optimisers.schedules import CosineDecay, spanning, stepping_every


def half_cosine(step, steps, alpha=0.1, exponent=1.0):
    fallen = 0.5 * (1 + np.cos(np.pi * min(step, steps) / steps))
    return 2.0 * ((1 - alpha) * fallen**exponent + alpha)


@pytest.mark.parametrize("step", [0, 30, 80, 100])
def test_a_decay_spans_the_run(step):
    decay = CosineDecay(2.0, alpha=0.1)
    with spanning(100):
        np.testing.assert_allclose(decay(step), half_cosine(step, 100), rtol=1e-6)
    with spanning(1000):
        np.testing.assert_allclose(decay(step), half_cosine(step, 1000), rtol=1e-6)


def test_a_number_or_a_share_replaces_the_whole_run():
    with spanning(100):
        assert CosineDecay(2.0, 50).last_step() == 50
        assert CosineDecay(2.0, 50, decay_share=0.25).last_step() == 50
        assert CosineDecay(2.0, decay_share=0.25).last_step() == 25
        np.testing.assert_allclose(CosineDecay(2.0, 50, 0.1)(75), 0.2, rtol=1e-6)
    assert CosineDecay(2.0, 50).last_step() == 50


def test_a_run_of_unknown_length_is_refused():
    with pytest.raises(SettingError, match="decay_steps is missing"):
        CosineDecay(1.0)(0)
    with spanning(10), stepping_every(2):
        assert CosineDecay(1.0).last_step() == 5
    with pytest.raises(SettingError, match="decay_steps is missing"), stepping_every(2):
        CosineDecay(1.0)(0)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"init_value": 0.0}, "init_value is 0.0; it must be more than 0"),
        ({"decay_share": 1.5}, "decay_share is 1.5; it must be at most 1"),
    ],
)
def test_impossible_decays(settings, problem):
    with pytest.raises(SettingError, match=problem):
        CosineDecay(**{"init_value": 1.0, **settings})


@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: guarded(o, 1.0, True), on_unit_spheres])
@pytest.mark.parametrize("make", [adam, adamw, sgd])
def test_optimisers_tell_their_rate_also_when_wrapped(make, wrap):
    decay = CosineDecay(1.0)
    assert wrap(make(3e-4)).learning_rate == 3e-4
    assert wrap(make(learning_rate=decay)).learning_rate is decay


def test_optimisers_are_those_of_optax_and_others_have_no_known_rate():
    parameters = gradient = jnp.ones(3)
    for ours, theirs in ((adam(0.1), optax.adam(0.1)), (sgd(0.1), optax.sgd(0.1))):
        with jax.numpy_dtype_promotion("standard"):
            found, _ = ours.update(gradient, ours.init(parameters), parameters)
            expected, _ = theirs.update(gradient, theirs.init(parameters), parameters)
        np.testing.assert_array_equal(found, expected)
    rates = network_rates(actor=(optax.adam(0.1), 1), critic=(None, 1), value=(sgd(0.5), 2))
    assert rates == {"value": NetworkRate(0.5)}


def test_the_rate_of_a_state_is_that_of_its_next_step():
    decay = CosineDecay(2.0, alpha=0.1)
    optimiser = guarded(sgd(decay), None, True)
    (rate,) = network_rates(actor=(optimiser, 2)).values()
    assert rate == NetworkRate(decay, 2)
    state, zero = optimiser.init(jnp.zeros(1)), jnp.zeros(1)
    with spanning(4), jax.numpy_dtype_promotion("standard"):
        for step in range(3):
            np.testing.assert_allclose(rate.in_state(state, 8), half_cosine(step, 4), rtol=1e-6)
            moved, state = optimiser.update(jnp.ones(1), state, zero)
            np.testing.assert_allclose(-moved[0], half_cosine(step, 4), rtol=1e-6)
    np.testing.assert_allclose(rate.at_update(3, 8), half_cosine(1, 4), rtol=1e-6)
    np.testing.assert_allclose(rate.at_update(8, 8), 0.2, rtol=1e-6)

"""Gradients that are clipped, and updates that are left out."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from components.learners.gradient_step import (
    gradient_step,
    guarded,
    init_optimiser,
    skipped_updates,
)


def step(optimiser, gradient, state=None):
    """Weights (0, 0) after a step along minus a gradient at rate 1, and the optimiser's state."""
    weights = {"w": jnp.zeros(2)}
    state = init_optimiser(optimiser, weights) if state is None else state
    slope = jnp.asarray(gradient, jnp.float32)
    new, state, _ = gradient_step(
        lambda m: (jnp.sum(m["w"] * slope), {}), weights, optimiser, state
    )
    return np.asarray(new["w"]), state


@pytest.mark.parametrize(
    ("gradient", "moved"),
    [((3.0, 4.0), (-0.6, -0.8)), ((0.3, 0.4), (-0.3, -0.4))],
    ids=["long", "short"],
)
def test_only_long_gradients_are_shortened(gradient, moved):
    new, _ = step(guarded(optax.sgd(1.0), 1.0, skip_nonfinite=False), gradient)
    np.testing.assert_allclose(new, moved, rtol=1e-6)


def test_without_guards_the_optimiser_is_as_it_was():
    optimiser = optax.sgd(1.0)
    assert guarded(optimiser, None, skip_nonfinite=False) is optimiser
    assert skipped_updates(optimiser.init(jnp.zeros(2))) is None


def test_bad_updates_change_nothing_and_are_counted():
    optimiser = guarded(optax.adam(1.0), None, skip_nonfinite=True)
    after_good, state = step(optimiser, (1.0, 1.0))
    np.testing.assert_allclose(after_good, (-1.0, -1.0), rtol=1e-5)
    for bad in ((np.nan, 1.0), (1.0, np.inf)):
        new, later = step(optimiser, bad, state)
        np.testing.assert_array_equal(new, (0.0, 0.0))
        chex.assert_trees_all_equal(later.inner_state, state.inner_state)
        state = later
    assert int(skipped_updates({"actor": state, "critic": None})) == 2
    assert int(skipped_updates([state, state])) == 4
    assert jax.tree.leaves(state.last_finite) == [False]

"""Inputs of a loaded policy: NumPy's broadcasting, and errors that name what was given."""

from pathlib import Path
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import LinearPolicy

from components.env_dims import EnvDims
from dsl.training.policy import Policy
from dsl.training.policy_inputs import match_inputs

DIMS = EnvDims(state=3, goal=2, action=2)
STATES, GOALS = np.arange(30.0).reshape(2, 5, 3) / 30, np.arange(20.0).reshape(2, 5, 2) / 20


class Linear(eqx.Module):
    """Acts with the networks it is given, and draws nothing."""

    def evaluation_actions(self, networks, states, goals, key):  # noqa: ARG002
        return jax.vmap(lambda s, g: networks(s, g).mode())(states, goals)


@pytest.fixture(scope="module")
def policy():
    weights = jnp.asarray(np.arange(10.0).reshape(2, 5) / 10, jnp.float32)
    experiment = SimpleNamespace(environment=SimpleNamespace(dims=DIMS))
    return Policy(LinearPolicy(weights), Linear(), experiment, "learner", Path())


def expected(policy, states, goals):
    batch = np.broadcast_shapes(states.shape[:-1], goals.shape[:-1])
    parts = (np.broadcast_to(x, (*batch, x.shape[-1])) for x in (states, goals))
    return np.concatenate(list(parts), axis=-1) @ np.asarray(policy.networks.weights).T


@pytest.mark.parametrize(
    ("states", "goals"),
    [
        (STATES[0, 0], GOALS[0, 0]),
        (STATES[0], GOALS[0]),
        (STATES, GOALS),
        (STATES[0], GOALS[0, 0]),
        (STATES[0, 0], GOALS),
        (STATES[:, :1], GOALS[:1]),
        (STATES[:, :0], GOALS[:, :0]),
    ],
)
def test_batches_broadcast_as_in_numpy(policy, states, goals):
    found = policy(states, goals)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected(policy, states, goals), rtol=1e-5, atol=1e-6)


def test_lists_and_traced_arrays_are_accepted(policy):
    found = policy(STATES[0, 0].tolist(), GOALS[0, 0].tolist())
    traced = jax.jit(lambda *x: policy(*x))(STATES[0, 0], GOALS[0, 0])
    np.testing.assert_allclose(found, traced, rtol=1e-6)


@pytest.mark.parametrize(
    ("states", "goals", "problem"),
    [
        (STATES, GOALS[..., :1], r"goals \(..., 2\); got \(2, 5, 3\) and \(2, 5, 1\)\.$"),
        (0.0, GOALS, r"^states are \(..., 3\), goals \(..., 2\); got \(\) and \(2, 5, 2\)\.$"),
        (np.zeros(5), GOALS, r"got \(5,\) and \(2, 5, 2\)\. The goal is not part of the state"),
        (STATES[0], GOALS[:, 0], r"whose batches \(5,\) and \(2,\) do not broadcast"),
        ([[0.0, 1.0], [2.0]], GOALS, "^states are not an array of numbers"),
        (STATES, "goal", "^goals are of type <U4; pass real numbers"),
        (STATES.astype(complex), GOALS, "^states are of type complex128; pass real numbers"),
        (STATES, jnp.asarray(GOALS, jnp.complex64), "^goals are of type complex64"),
        (STATES.astype(object), GOALS, "^states are of type object"),
    ],
)
def test_other_shapes_are_refused_with_those_that_are_meant(states, goals, problem):
    with pytest.raises(ValueError, match=problem):
        match_inputs(states, goals, DIMS)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.bool_, np.float16, jnp.bfloat16])
def test_real_numbers_of_every_type_are_taken(kind):
    states, goals = match_inputs(np.ones((5, 3), kind), np.ones((5, 2), kind), DIMS)
    assert states.dtype == goals.dtype == jnp.float32
    assert jnp.all(states == 1)
    assert jnp.all(goals == 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_are_named(value):
    states, goals = STATES.copy(), GOALS.copy()
    goals[1, 2, 0] = value
    with pytest.raises(ValueError, match=r"^goals\[1, 2, 0\] is (nan|inf): .* must be finite"):
        match_inputs(states, goals, DIMS)
    states[0, 0, 1] = value
    with pytest.raises(ValueError, match=r"^states\[0, 0, 1\] is (nan|inf)"):
        match_inputs(states, goals, DIMS)

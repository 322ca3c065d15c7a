"""What actors are trained to do: values and gradients against NumPy in float64."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import LinearCritic, LinearPolicy, float32, rows
from stub_networks import FunctionActor

from components.actors.tanh_normal import TanhNormal
from components.constraints import SettingError
from components.losses.actor import (
    DeterministicGradient,
    LogLikelihood,
    MaximumEntropy,
    exchange_goals,
)
from components.protocols import StopGradNetworks
from components.replay.batch import Batch
from components.target_devices import tracing_for

BATCH = Batch(
    state=np.array([[0.5, -1.0], [1.0, 0.0], [-0.5, 2.0]]),
    action=np.array([[0.25], [-1.0], [0.5]]),
    next_state=np.full((3, 2), np.nan),
    goal=np.array([[1.0], [-1.0], [0.5]]),
    achieved=np.full((3, 1), np.nan),
    reward=np.full(3, np.nan),
    discount=np.full(3, np.nan),
)
# The members change places as the least between the transitions.
CRITIC = np.array([[0.5, -0.25, 1.0, 0.5], [-0.5, 0.75, -2.0, -1.0]])
POLICY = np.array([[0.5, 0.25, -0.75]])
TEMPERATURE = 0.3


def frozen(critic=CRITIC):
    """What the losses read; that which they must not read is absent."""
    return float32(
        StopGradNetworks(None, LinearCritic(critic), jnp.float32(TEMPERATURE), None, None)
    )


def judged(action):
    """The least member's value of each action, and its slope by the action."""
    values = rows(BATCH.state, action, BATCH.goal) @ CRITIC.T
    return values.min(1), CRITIC[values.argmin(1), 2:3]


def reference_deterministic():
    x = rows(BATCH.state, BATCH.goal)
    value, slope = judged(x @ POLICY.T)
    assert len(np.unique(slope)) == 2
    return -value.mean(), -slope.T @ x / 3


def reference_entropy():
    x = rows(BATCH.state, BATCH.goal)
    m = x @ POLICY.T
    value, slope = judged(m / 2)
    log_prob = 3 * m.sum(1) - (m**2 / 4).sum(1)
    by_m = TEMPERATURE * (3 - m / 2) - slope / 2
    return (TEMPERATURE * log_prob - value).mean(), by_m.T @ x / 3


def reference_likelihood():
    x = rows(BATCH.state, BATCH.goal)
    m = x @ POLICY.T
    log_prob = 3 * m.sum(1) - ((BATCH.action - m) ** 2).sum(1)
    by_m = -3 - 2 * (BATCH.action - m)
    return -log_prob.mean(), by_m.T @ x / 3


CASES = [
    (DeterministicGradient(), reference_deterministic),
    (MaximumEntropy(), reference_entropy),
    (LogLikelihood(), reference_likelihood),
]
each_case = pytest.mark.parametrize(
    ("loss", "expected"), CASES, ids=["deterministic", "entropy", "likelihood"]
)


@each_case
def test_value_and_gradient_against_numpy(loss, expected, key):
    policy, batch = float32((LinearPolicy(POLICY), BATCH))
    step = jax.jit(jax.value_and_grad(lambda actor: loss(actor, batch, frozen(), key)[0]))
    value, slope = step(policy)
    expected_value, expected_slope = expected()
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    np.testing.assert_allclose(slope.weights, expected_slope, rtol=1e-5, atol=1e-6)


@each_case
@pytest.mark.parametrize("scale", [0.0, 1e6])
def test_finite_at_extreme_values(loss, expected, scale, key):  # noqa: ARG001
    policy, batch = float32((LinearPolicy(POLICY), BATCH))
    step = jax.value_and_grad(lambda actor: loss(actor, batch, frozen(scale * CRITIC), key)[0])
    value, slope = step(policy)
    chex.assert_tree_all_finite((value, slope))


def test_log_probabilities_are_handed_on_only_where_actions_are_drawn(key):
    policy, batch = float32((LinearPolicy(POLICY), BATCH))
    found = [loss(policy, batch, frozen(), key)[1] for loss, _ in CASES]
    assert found[0] is None
    assert found[2] is None
    m = rows(BATCH.state, BATCH.goal) @ POLICY.T
    np.testing.assert_allclose(found[1], 3 * m.sum(1) - (m**2 / 4).sum(1), rtol=1e-5)


def test_literal_numbers(key):
    policy, batch = float32((LinearPolicy(POLICY), BATCH))
    values = [loss(policy, batch, frozen(), key)[0] for loss, _ in CASES]
    np.testing.assert_allclose(values, [1.0416667, 0.9131510, 1.7760417], rtol=1e-5)


def test_imitating_with_a_normal_policy_and_actions_at_the_very_bound(key):
    mean, log_std, batch = jnp.asarray([0.5]), jnp.asarray([-1.0]), float32(BATCH)
    policy = FunctionActor(lambda *_: TanhNormal(mean, log_std))
    value, _ = LogLikelihood()(policy, batch, frozen(), key)
    u = np.arctanh(np.clip(BATCH.action[:, 0], -1 + 2**-23, 1 - 2**-23))
    density = -0.5 * ((u - 0.5) / np.exp(-1.0)) ** 2 + 1.0 - 0.5 * np.log(2 * np.pi)
    expected = -(density - np.log1p(-(np.tanh(u) ** 2))).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", [MaximumEntropy, DeterministicGradient])
def test_a_policy_and_its_judge_see_the_same_exchanged_goal(kind, key):
    policy, batch = float32((LinearPolicy(POLICY), BATCH))
    every, none = (kind(share)(policy, batch, frozen(), key)[0] for share in (1.0, 0.0))
    rolled = batch._replace(goal=jnp.roll(batch.goal, 1, axis=0))
    np.testing.assert_allclose(every, kind(0.0)(policy, rolled, frozen(), key)[0], rtol=1e-6)
    assert every != none


def test_goals_are_exchanged_row_by_row(key):
    goals = jnp.asarray(np.arange(4000.0).reshape(2000, 2), jnp.float32)
    exchanged = np.asarray(exchange_goals(goals, 0.3, key))
    own = (exchanged == np.asarray(goals)).all(1)
    neighbours = (exchanged == np.roll(np.asarray(goals), 1, axis=0)).all(1)
    assert (own ^ neighbours).all()
    assert abs(neighbours.sum() - 600) < 4 * np.sqrt(2000 * 0.3 * 0.7)
    np.testing.assert_array_equal(exchange_goals(goals, 0.0, key), goals)


@pytest.mark.parametrize("kind", [MaximumEntropy, DeterministicGradient])
def test_impossible_settings(kind):
    with pytest.raises(SettingError, match=r"random_goals is 1\.5"):
        kind(1.5)


def test_a_gpu_draws_no_exchange_that_never_happens(key):
    class GPU:
        platform = "gpu"

    with tracing_for([GPU()]):
        text = str(jax.make_jaxpr(lambda goals: exchange_goals(goals, 0.0, key))(jnp.ones((3, 2))))
    assert "random" not in text

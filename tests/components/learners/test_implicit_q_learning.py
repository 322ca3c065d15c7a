"""Implicit Q-learning, update by update, against NumPy in float64."""

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_networks import LinearCritic, LinearPolicy, float32, rows
from stub_networks import FunctionActor

from components.actors.deterministic import DeterministicActor
from components.constraints import SettingError
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.learners.implicit_q_learning import ImplicitQLearning
from components.learners.inspection import named_networks, network_inputs
from components.learners.target_networks import Polyak
from components.networks import ResidualMLP
from components.networks.layers import Dense
from components.relabelling.strategies import Commanded
from components.replay.batch import Batch

DIMS = EnvDims(state=1, goal=1, action=2)
CRITIC = np.array([[0.5, 1.0, 0.5, -1.0], [-0.5, 0.25, -1.0, 0.5]])
POLICY = np.array([[0.5, -0.5], [-0.25, 1.0]])
VALUE, BIAS = np.array([0.5, -1.0]), -0.5
DISCOUNT, EXPECTILE, BETA, TAU, RATE, LARGEST = 0.9, 0.8, 2.0, 0.25, 0.1, 1.5
BATCH = Batch(
    state=np.array([[0.5], [1.0], [-0.5], [0.0]]),
    action=np.array([[0.25, -0.5], [-1.0, 1.0], [0.0, 0.5], [0.75, 0.0]]),
    next_state=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    goal=np.array([[1.0], [-1.0], [0.5], [0.0]]),
    achieved=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    reward=np.array([1.0, 0.0, 0.0, 1.0]),
    discount=np.array([1.0, 1.0, 0.0, 1.0]),
)


def linear_value(in_size, out_size, key):
    dense = Dense(in_size, out_size, key=key)
    weights = jnp.asarray(VALUE[:, None], jnp.float32), jnp.full(1, BIAS, jnp.float32)
    return eqx.tree_at(lambda d: (d.weight, d.bias), dense, weights)


linear = partial(
    ImplicitQLearning,
    actor=lambda dims, key: float32(LinearPolicy(POLICY)),  # noqa: ARG005
    actor_optimiser=optax.sgd(RATE),
    critic=lambda dims, key: float32(LinearCritic(CRITIC)),  # noqa: ARG005
    critic_optimiser=optax.sgd(RATE),
    value=linear_value,
    value_optimiser=optax.sgd(RATE),
    relabelling=Commanded(),
    target=Polyak(TAU),
    discount=DISCOUNT,
    expectile=EXPECTILE,
    inverse_temperature=BETA,
    largest_weight=LARGEST,
)


def values_of(state):
    return rows(state, BATCH.goal) @ VALUE + BIAS


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_one_update_against_numpy(key, micro_batches):
    learner = linear(gradient_accumulation=micro_batches)
    old = learner.init(DIMS, key)
    new, metrics = eqx.filter_jit(learner.update)(old, float32(BATCH), key)
    x, y = rows(BATCH.state, BATCH.goal), rows(BATCH.state, BATCH.action, BATCH.goal)
    q = y @ CRITIC.T
    excess = q.min(1) - values_of(BATCH.state)
    assert {*np.sign(excess)} == {-1.0, 1.0}

    weight = np.where(excess < 0, 1 - EXPECTILE, EXPECTILE)
    np.testing.assert_allclose(metrics["value_loss"], (weight * excess**2).mean(), rtol=1e-5)
    moved = VALUE + RATE * (2 * weight * excess) @ x / 4
    found = np.asarray(new.networks.value.network.weight)[:, 0]
    np.testing.assert_allclose(found, moved, rtol=1e-5)

    target = BATCH.reward + DISCOUNT * BATCH.discount * values_of(BATCH.next_state)
    error = q - target[:, None]
    np.testing.assert_allclose(metrics["critic_loss"], (error**2 / 2).sum(1).mean(), rtol=1e-5)
    critic = CRITIC - RATE * error.T @ y / 4
    np.testing.assert_allclose(new.networks.critic.weights, critic, rtol=1e-5)
    np.testing.assert_allclose(
        new.targets.critic.weights, CRITIC + TAU * (critic - CRITIC), rtol=1e-5
    )

    weight = np.minimum(np.exp(BETA * excess), LARGEST)
    assert (weight == LARGEST).any()
    assert (weight < LARGEST).any()
    off = BATCH.action - x @ POLICY.T
    log_prob = 3 * (x @ POLICY.T).sum(1) - (off**2).sum(1)
    np.testing.assert_allclose(metrics["actor_loss"], -(weight * log_prob).mean(), rtol=1e-5)
    policy = POLICY + RATE * (weight[:, None] * (3 + 2 * off)).T @ x / 4
    np.testing.assert_allclose(new.networks.actor.weights, policy, rtol=1e-5)
    assert int(new.updates) == 1


def test_trained_losses_are_those_of_the_update(key):
    learner = linear()
    state, batch = learner.init(DIMS, key), float32(BATCH)
    _, metrics = learner.update(state, batch, key)
    for name, loss in learner.trained_losses().items():
        value = loss(getattr(state.networks, name), state, batch, key)
        np.testing.assert_allclose(value, metrics[f"{name}_loss"], rtol=1e-6)


def test_the_value_network_is_listed_and_inspected(key):
    plan = partial(ResidualMLP, 8, 4)
    learner = linear(critic=partial(QEnsemble, plan), value=plan)
    networks = learner.init(DIMS, key).networks
    assert list(named_networks(networks)) == ["actor", "critic.network", "value"]
    inputs = network_inputs(networks, jnp.ones(1), jnp.full(2, 2.0), jnp.full(1, 3.0))
    np.testing.assert_array_equal(inputs["critic"].input, [1, 2, 2, 3])
    np.testing.assert_array_equal(inputs["value"].input, [1, 3])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"expectile": 1.0}, "expectile is 1.0"),
        ({"inverse_temperature": -1.0}, "inverse_temperature is -1.0"),
        ({"largest_weight": 0.0}, "largest_weight is 0.0"),
        ({"discount": 1.0}, "discount is 1.0"),
        ({"gradient_accumulation": 0}, "gradient_accumulation is 0"),
    ],
)
def test_impossible_settings(settings, problem):
    with pytest.raises(SettingError, match=problem):
        linear(**settings)


def test_networks_of_other_classes_are_refused(key):
    actor = partial(DeterministicActor, Dense)
    message = (
        r"actor must be a StochasticActor, but DeterministicActor is not one.*TanhGaussianActor"
    )
    with pytest.raises(SettingError, match=message):
        linear(actor=actor).init(DIMS, key)
    critic = lambda dims, key: FunctionActor(abs)  # noqa: ARG005, E731
    with pytest.raises(SettingError, match="critic must be an EnsembleCritic, but FunctionActor"):
        linear(critic=critic).init(DIMS, key)

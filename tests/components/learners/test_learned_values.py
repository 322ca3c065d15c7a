"""Every algorithm on tasks whose answer is known: it must learn the value, and act on it.

The probes are those of reinforcement-learning folklore, from the simplest on: a constant reward, a
reward that depends on the observation, a discount over two steps, a reward that depends on the
action, a goal one step away.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, Float, Key

from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.critics.q_ensemble import QEnsemble
from components.energies.similarities import Dot
from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.learners.implicit_q_learning import ImplicitQLearning
from components.learners.target_networks import Polyak
from components.learners.temperature import FixedTemperature
from components.losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from components.losses.c_learning import CLearning
from components.losses.contrastive import InfoNCE
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.networks.layers import Dense
from components.relabelling.strategies import Commanded
from components.replay.batch import Batch

pytestmark = pytest.mark.usefixtures("quickly_compiled")

DIMS = EnvDims(state=1, goal=1, action=1)


class OneHiddenLayer(eqx.Module):
    """The smallest network that can learn these values."""

    first: Dense
    second: Dense

    def __init__(self, *, in_size: int, out_size: int, key: Key[Array, ""]):
        keys = jax.random.split(key)
        self.first = Dense(in_size, 32, key=keys[0])
        self.second = Dense(32, out_size, key=keys[1])

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " m"]:
        return self.second(jax.nn.swish(self.first(x)))


NETWORK = OneHiddenLayer
DISCOUNT = 0.5
ROWS = 64
STEPS = 100  # of one call, so that each learner is compiled once


def learner(actor, actor_loss, critic=None, critic_loss=None, temperature=None, **settings):
    adam = optax.adam(3e-3)
    return ActorCritic(
        actor=actor,
        actor_loss=actor_loss,
        actor_optimiser=adam,
        relabelling=Commanded(),
        critic=critic,
        critic_loss=critic_loss,
        critic_optimiser=adam if critic else None,
        temperature=temperature,
        temperature_optimiser=adam if temperature else None,
        **settings,
    )


STOCHASTIC = partial(TanhGaussianActor, NETWORK)
DETERMINISTIC = partial(DeterministicActor, NETWORK)
COLD = partial(FixedTemperature, 0.0)
ENCODED = partial(ContrastiveCritic, NETWORK, NETWORK, Dot(), 8)

LEARNERS = {
    "sac": learner(
        STOCHASTIC,
        MaximumEntropy(),
        partial(QEnsemble, NETWORK),
        SoftBellman(DISCOUNT),
        COLD,
        target=Polyak(0.1),
    ),
    "td3": learner(
        DETERMINISTIC,
        DeterministicGradient(),
        partial(QEnsemble, NETWORK, 2, "first"),
        ClippedDoubleQ(DISCOUNT),
        target=Polyak(0.1, actor=True),
        policy_delay=2,
    ),
    "ddpg": learner(
        DETERMINISTIC,
        DeterministicGradient(),
        partial(QEnsemble, NETWORK, 1),
        ClippedDoubleQ(DISCOUNT, smoothing=0.0),
        target=Polyak(0.1, actor=True),
    ),
    "c_learning": learner(
        STOCHASTIC, MaximumEntropy(), ENCODED, CLearning(DISCOUNT), COLD, target=Polyak(0.1)
    ),
    "crl": learner(STOCHASTIC, MaximumEntropy(), ENCODED, InfoNCE(logsumexp_penalty=0.0), COLD),
    "imitation": learner(STOCHASTIC, LogLikelihood()),
    "iql": ImplicitQLearning(
        actor=STOCHASTIC,
        actor_optimiser=optax.adam(3e-3),
        critic=partial(QEnsemble, NETWORK),
        critic_optimiser=optax.adam(3e-3),
        value=NETWORK,
        value_optimiser=optax.adam(3e-3),
        relabelling=Commanded(),
        target=Polyak(0.1),
        discount=DISCOUNT,
        expectile=0.9,
        inverse_temperature=30.0,
    ),
}
VALUE_LEARNERS = ["sac", "td3", "ddpg", "iql"]


def column(x):
    return jnp.asarray(x, jnp.float32).reshape(-1, 1)


def transitions(key, *, state, reward, terminal, next_state=None, goal=None, achieved=None):
    """Transitions with uniform actions; `reward` is a function of the actions (ROWS,)."""
    actions = jax.random.uniform(key, (ROWS,), jnp.float32, -1.0, 1.0)
    zero = jnp.zeros((ROWS, 1), jnp.float32)
    return Batch(
        state=state,
        action=actions[:, None],
        next_state=zero if next_state is None else next_state,
        goal=zero if goal is None else goal,
        achieved=zero if achieved is None else achieved,
        reward=jnp.broadcast_to(jnp.asarray(reward(actions), jnp.float32), (ROWS,)),
        discount=jnp.broadcast_to(1.0 - jnp.asarray(terminal, jnp.float32), (ROWS,)),
    )


@pytest.fixture(scope="module")
def trained():
    """Train a learner by name on batches from a function of the key; compiled once per name."""

    @partial(eqx.filter_jit, donate="none")
    def run(learner, state, batches, keys):
        def step(state, inputs):
            state, metrics = learner.update(state, *inputs)
            return state, metrics

        return jax.lax.scan(step, state, (batches, keys))[0]

    def train(name, batch, steps=400):
        keys = jax.random.split(jax.random.key(1), steps)
        state = LEARNERS[name].init(DIMS, jax.random.key(0))
        batches = jax.jit(jax.vmap(batch))
        for some in keys.reshape(-1, STEPS):
            state = run(LEARNERS[name], state, batches(some), some)
        return state.networks

    return train


def q_values(networks, states, action=0.0, goal=0.0):
    values = jax.vmap(lambda s: networks.critic.values(s, jnp.full(1, action), jnp.full(1, goal)))(
        column(states)
    )
    return np.asarray(values)


def coin():
    """State 0 in half of the rows, 1 in the other half."""
    return column(np.arange(ROWS) % 2)


@pytest.mark.parametrize("name", VALUE_LEARNERS)
def test_a_constant_reward_is_worth_itself(trained, name):
    batch = partial(
        transitions, state=jnp.zeros((ROWS, 1)), reward=lambda _: 1.0, terminal=np.ones(ROWS)
    )
    np.testing.assert_allclose(q_values(trained(name, batch), [0.0]), 1.0, atol=0.05)


@pytest.mark.parametrize("name", VALUE_LEARNERS)
def test_a_reward_that_the_observation_tells(trained, name):
    batch = partial(
        transitions, state=coin(), reward=lambda _: coin()[:, 0], terminal=np.ones(ROWS)
    )
    values = q_values(trained(name, batch), [0.0, 1.0])
    np.testing.assert_allclose(values[0], 0.0, atol=0.08)
    np.testing.assert_allclose(values[1], 1.0, atol=0.08)


@pytest.mark.parametrize("name", VALUE_LEARNERS)
def test_a_reward_two_steps_away_is_discounted_once(trained, name):
    # 0 leads to 1 without reward; 1 ends the episode with reward 1.
    second = coin()[:, 0]
    batch = partial(
        transitions,
        state=coin(),
        reward=lambda _: second,
        terminal=second,
        next_state=jnp.ones((ROWS, 1)),
    )
    values = q_values(trained(name, batch, 800), [0.0, 1.0])
    np.testing.assert_allclose(values[0], DISCOUNT, atol=0.08)
    np.testing.assert_allclose(values[1], 1.0, atol=0.08)


@pytest.mark.parametrize("name", VALUE_LEARNERS)
def test_a_time_limit_is_bootstrapped_through(trained, name):
    # The same state for ever with reward 1: r / (1 - gamma), were every tenth row truncated or not.
    batch = partial(
        transitions, state=jnp.zeros((ROWS, 1)), reward=lambda _: 1.0, terminal=np.zeros(ROWS)
    )
    values = q_values(trained(name, batch, 800), [0.0])
    np.testing.assert_allclose(values, 1 / (1 - DISCOUNT), atol=0.15)


def one_step_reward(actions):
    """The reward of an action that ends the episode; best at 0.5."""
    return 1 - jnp.square(actions - 0.5)


one_step = partial(
    transitions, state=jnp.zeros((ROWS, 1)), reward=one_step_reward, terminal=np.ones(ROWS)
)


@pytest.mark.parametrize("name", VALUE_LEARNERS)
def test_the_policy_finds_the_action_that_pays(trained, name):
    networks = trained(name, one_step, 2_000)
    action = networks.actor(jnp.zeros(1), jnp.zeros(1)).mode()
    np.testing.assert_allclose(action, 0.5, atol=0.12)


def test_the_state_value_of_iql_is_an_expectile_of_the_rewards(trained):
    rewards, expectile = one_step_reward(np.linspace(-1.0, 1.0, 10_001)), 0.5
    for _ in range(50):  # the fixed point of a weighted mean; the plain mean is 0.42
        expectile = np.average(rewards, weights=np.where(rewards < expectile, 0.1, 0.9))
    value = trained("iql", one_step, 800).value(jnp.zeros(1), jnp.zeros(1))
    np.testing.assert_allclose(value, expectile, atol=0.06)


def one_step_away(key):
    """An action of the sign s leads to the goal s; goals of both signs are wanted."""
    batch = transitions(
        key, state=jnp.zeros((ROWS, 1)), reward=lambda _: 0.0, terminal=np.ones(ROWS)
    )
    achieved = jnp.sign(batch.action)
    # Goals of the other sign for what learns from random goals as well.
    return batch._replace(achieved=achieved, goal=achieved)


@pytest.mark.parametrize("name", ["crl", "imitation"])
def test_the_policy_reaches_a_goal_one_step_away(trained, name):
    networks = trained(name, one_step_away)
    for sign in (-1.0, 1.0):
        action = networks.actor(jnp.zeros(1), jnp.full(1, sign)).mode()
        assert sign * float(action[0]) > 0.2


def test_crl_learns_the_ratio_of_goal_densities(trained):
    networks = trained("crl", one_step_away)
    score = lambda goal: float(networks.critic(jnp.zeros(1), jnp.full(1, 0.7), jnp.full(1, goal)))  # noqa: E731
    assert score(1.0) - score(-1.0) > 3.0


def test_c_learning_learns_the_discounted_future(trained):
    """Goals -1 and 1 are equally common. From state 0, which lasts for ever and achieves 1, the
    ratio is 1 / 0.5; where the first step ends the episode it is (1 - gamma) / 0.5."""
    ends = coin()[:, 0]

    def batch(key):
        signs = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, 1), 0.5, (ROWS, 1)), 1.0, -1)
        return transitions(
            key,
            state=coin(),
            reward=lambda _: 0.0,
            terminal=ends,
            next_state=coin(),
            goal=signs.astype(jnp.float32),
            achieved=jnp.ones((ROWS, 1)),
        )

    networks = trained("c_learning", batch, 1500)
    logits = q_values(networks, [0.0, 1.0], goal=1.0)[:, 0]
    np.testing.assert_allclose(logits, [np.log(2), np.log(2 * (1 - DISCOUNT))], atol=0.2)
    assert (q_values(networks, [0.0, 1.0], goal=-1.0) < -2).all()

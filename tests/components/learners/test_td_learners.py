"""TD3 and SAC, update by update, against NumPy in float64."""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_networks import LinearCritic, LinearPolicy, float32, rows

from components.actors.deterministic import DeterministicActor
from components.constraints import SettingError
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.learners.target_networks import Polyak
from components.learners.temperature import FixedTemperature, TunedTemperature
from components.losses.actor import DeterministicGradient, MaximumEntropy
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.networks.layers import Dense
from components.relabelling.strategies import Commanded
from components.replay.batch import Batch

DIMS = EnvDims(state=1, goal=1, action=2)
CRITIC = np.array([[0.5, 1.0, 0.5, -1.0], [-0.5, 0.25, -1.0, 0.5]])
POLICY = np.array([[0.5, -0.5], [-0.25, 1.0]])
DISCOUNT, TAU, RATE = 0.9, 0.25, 0.1
BATCH = Batch(
    state=np.array([[0.5], [1.0], [-0.5], [0.0]]),
    action=np.array([[0.25, -0.5], [-1.0, 1.0], [0.0, 0.5], [0.75, 0.0]]),
    next_state=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    goal=np.array([[1.0], [-1.0], [0.5], [0.0]]),
    achieved=np.array([[1.0], [0.5], [-1.0], [0.25]]),
    reward=np.array([1.0, 0.0, 0.0, 1.0]),
    discount=np.array([1.0, 1.0, 0.0, 1.0]),
)

update = eqx.filter_jit(ActorCritic.update)
td3 = partial(
    ActorCritic,
    actor=lambda dims, key: float32(LinearPolicy(POLICY)),  # noqa: ARG005
    actor_loss=DeterministicGradient(),
    actor_optimiser=optax.sgd(RATE),
    relabelling=Commanded(),
    critic=lambda dims, key: float32(LinearCritic(CRITIC)),  # noqa: ARG005
    critic_loss=ClippedDoubleQ(DISCOUNT, smoothing=0.0),
    critic_optimiser=optax.sgd(RATE),
    target=Polyak(TAU, actor=True),
    policy_delay=2,
)
sac = partial(
    td3,
    actor_loss=MaximumEntropy(),
    critic_loss=SoftBellman(DISCOUNT),
    temperature=partial(TunedTemperature, 0.5),
    temperature_optimiser=optax.sgd(RATE),
    target=Polyak(TAU),
    policy_delay=1,
)


def updates(learner, count):
    """The states after each of `count` updates on the same batch, the first one before, and the
    metrics of each; the update is traced once for all."""
    chex.clear_trace_counter()
    update = eqx.filter_jit(chex.assert_max_traces(ActorCritic.update, n=1))
    states, found = [learner.init(DIMS, jax.random.key(0))], []
    for step in range(count):
        state, metrics = update(learner, states[-1], float32(BATCH), jax.random.key(step))
        states.append(state)
        found.append({name: float(value) for name, value in metrics.items()})
    return states, found


class Reference:
    """What both algorithms share."""

    def __init__(self):
        self.critic, self.target_critic = CRITIC.copy(), CRITIC.copy()
        self.actor, self.target_actor = POLICY.copy(), POLICY.copy()
        self.log_alpha = np.log(0.5)

    def fit(self, value):
        """A step of the critic towards r + gamma d v."""
        x = rows(BATCH.state, BATCH.action, BATCH.goal)
        error = x @ self.critic.T - (BATCH.reward + DISCOUNT * BATCH.discount * value)[:, None]
        self.critic -= RATE * error.T @ x / len(x)

    def least(self, critic, state, action):
        """The least value, and its slope by the action."""
        values = rows(state, action, BATCH.goal) @ critic.T
        return values.min(1), critic[values.argmin(1), 1:3]

    def climb(self, by_action):
        """A step of the actor up the slope of its mode."""
        self.actor += RATE * by_action.T @ rows(BATCH.state, BATCH.goal) / len(BATCH.state)

    def follow(self):
        self.target_critic += TAU * (self.critic - self.target_critic)
        self.target_actor += TAU * (self.actor - self.target_actor)

    def td3(self, step):
        action = np.clip(rows(BATCH.next_state, BATCH.goal) @ self.target_actor.T, -1, 1)
        value, _ = self.least(self.target_critic, BATCH.next_state, action)
        mode = rows(BATCH.state, BATCH.goal) @ self.actor.T
        judged, slope = self.least(self.critic, BATCH.state, mode)
        self.fit(value)
        if step % 2 == 0:
            self.climb(slope)
            self.follow()
        return -judged.mean()

    def sac(self, _):
        alpha = np.exp(self.log_alpha)
        m = rows(BATCH.next_state, BATCH.goal) @ self.actor.T
        value, _ = self.least(self.target_critic, BATCH.next_state, m / 2)
        now = rows(BATCH.state, BATCH.goal) @ self.actor.T
        judged, slope = self.least(self.critic, BATCH.state, now / 2)
        log_prob = self.log_prob(now)
        self.fit(value - alpha * self.log_prob(m))
        self.climb(slope / 2 - alpha * (3 - now / 2))
        # The target entropy of two numbers is -1.
        self.log_alpha -= RATE * alpha * (-log_prob + 1).mean()
        self.follow()
        return (alpha * log_prob - judged).mean()

    def log_prob(self, m):
        """Of the action m / 2."""
        return 3 * m.sum(1) - (m**2 / 4).sum(1)


@pytest.fixture(scope="module")
def td3_run():
    return updates(td3(), 6)


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours.weights, theirs, rtol=1e-4, atol=1e-5)


def test_td3_against_numpy(td3_run):
    reference = Reference()
    for step, state in enumerate(td3_run[0][1:], start=1):
        reference.td3(step)
        assert_close(state.networks.critic, reference.critic)
        assert_close(state.networks.actor, reference.actor)
        assert_close(state.targets.critic, reference.target_critic)
        assert_close(state.targets.actor, reference.target_actor)


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_sac_against_numpy(micro_batches):
    reference = Reference()
    states, metrics = updates(sac(gradient_accumulation=micro_batches), 4)
    for step, state in enumerate(states[1:], start=1):
        loss = reference.sac(step)
        np.testing.assert_allclose(metrics[step - 1]["actor_loss"], loss, rtol=1e-4)
        assert_close(state.networks.critic, reference.critic)
        assert_close(state.networks.actor, reference.actor)
        assert_close(state.targets.critic, reference.target_critic)
        assert state.targets.actor is None
        log_alpha = state.networks.temperature.log_alpha
        np.testing.assert_allclose(log_alpha, reference.log_alpha, rtol=1e-4)


def test_td3_in_micro_batches_against_numpy():
    reference = Reference()
    states, metrics = updates(td3(gradient_accumulation=4), 2)
    losses = [reference.td3(step) for step in (1, 2)]
    assert_close(states[2].networks.critic, reference.critic)
    assert_close(states[2].networks.actor, reference.actor)
    assert_close(states[2].targets.critic, reference.target_critic)
    np.testing.assert_allclose(metrics[1]["actor_loss"], 2 * losses[1], rtol=1e-4)


def test_actor_and_targets_move_every_second_update_and_the_critic_every_time(td3_run):
    states, _ = td3_run
    for number, (old, new) in enumerate(pairwise(states), start=1):
        same = lambda select: eqx.tree_equal(select(old), select(new))  # noqa: B023, E731
        assert not same(lambda s: s.networks.critic)
        for lazy in (lambda s: s.networks.actor, lambda s: s.targets, lambda s: s.optimisers.actor):
            assert same(lazy) == (number % 2 == 1 or not jax.tree.leaves(lazy(new)))
        assert int(new.updates) == number


def test_the_target_policy_lags_behind_the_policy(td3_run):
    """A target policy averaged from the current policy would be the policy itself, or nearly so."""
    states, _ = td3_run
    targets = [np.float64(state.targets.actor.weights) for state in states]
    actors = [np.float64(state.networks.actor.weights) for state in states]
    for step in (2, 4, 6):
        moved = targets[step] - targets[step - 1]
        np.testing.assert_allclose(moved, TAU * (actors[step] - targets[step - 1]), atol=1e-6)
        lag = np.linalg.norm(actors[step] - targets[step])
        assert lag > 0.5 * np.linalg.norm(actors[step] - POLICY) / (step / 2)


def test_metrics_of_delayed_updates_have_the_right_mean_over_two(td3_run):
    _, metrics = td3_run
    reference = Reference()
    losses = [reference.td3(step) for step in range(1, 7)]
    for first, second in ((0, 1), (2, 3), (4, 5)):
        assert metrics[first]["actor_loss"] == 0.0
        mean = (metrics[first]["actor_loss"] + metrics[second]["actor_loss"]) / 2
        np.testing.assert_allclose(mean, losses[second], rtol=1e-4)
        assert metrics[first]["critic_loss"] > 0
        assert metrics[second]["critic_loss"] > 0


@pytest.mark.parametrize("target", [None, Polyak(TAU), Polyak(TAU, actor=True)])
def test_losses_read_targets_where_there_are_any(target):
    learner = td3(target=target)
    state = learner.init(DIMS, jax.random.key(0))
    moved = jax.tree.map(lambda x: x + 1, state.networks)
    frozen = learner.stop_grad_networks(eqx.tree_at(lambda s: s.networks, state, moved))
    assert_close(frozen.actor, POLICY + 1)
    assert_close(frozen.critic, CRITIC + 1)
    assert_close(frozen.target_critic, CRITIC + (target is None))
    assert_close(frozen.target_actor, POLICY + (target is None or not target.actor))
    assert float(frozen.temperature) == 0.0


def test_no_gradient_reaches_frozen_networks():
    learner = sac()
    state = learner.init(DIMS, jax.random.key(0))

    def read(state):
        return sum(jnp.sum(x) for x in jax.tree.leaves(learner.stop_grad_networks(state)))

    slopes = eqx.filter_grad(read)(state)
    chex.assert_trees_all_equal(slopes, jax.tree.map(jnp.zeros_like, slopes))


class Noise(LinearPolicy):
    """A policy that acts 0, with noise for a log-probability."""

    def __call__(self, _state, _goal):
        return NoiseDensity()


class NoiseDensity(NamedTuple):
    """The action 0 with a random log-probability."""

    def sample_and_log_prob(self, key):
        return jnp.zeros(2), jax.random.normal(key)


@pytest.mark.parametrize("seed", range(3))
def test_actor_and_critic_draw_actions_of_their_own(seed):
    learner = sac(
        actor=lambda dims, key: Noise(jnp.zeros((1, 1))),  # noqa: ARG005
        critic=lambda dims, key: float32(LinearCritic(0 * CRITIC)),  # noqa: ARG005
        temperature=partial(FixedTemperature, 1.0),
    )
    batch = jax.tree.map(lambda x: x[1:2], float32(BATCH))  # of reward 0
    state = learner.init(DIMS, jax.random.key(0))
    _, metrics = update(learner, state, batch, jax.random.key(seed))
    critics, actors = float(metrics["q_target"]) / DISCOUNT, float(metrics["entropy"])
    assert abs(critics - actors) > 1e-3


def test_deep_td3_runs_in_place_from_a_compiled_start():
    learner = td3(
        actor=partial(DeterministicActor, Dense),
        critic=partial(QEnsemble, Dense, aggregation="first"),
        critic_loss=ClippedDoubleQ(),
        actor_optimiser=optax.adam(1e-3),
        critic_optimiser=optax.adam(1e-3),
    )
    state = eqx.filter_jit(learner.init)(DIMS, jax.random.key(0))
    start = jax.tree.map(np.array, state.networks)
    in_place = eqx.filter_jit(
        lambda state, key: learner.update(state, float32(BATCH), key), donate="all"
    )
    for step in range(2):
        state, metrics = in_place(state, jax.random.key(step))
    chex.assert_tree_all_finite(metrics)
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), start, state.networks)
    assert all(jax.tree.leaves(moved))


def test_a_temperature_needs_an_entropy():
    learner = td3(temperature=TunedTemperature, temperature_optimiser=optax.sgd(RATE))
    with pytest.raises(SettingError, match="temperature weighs an entropy that this actor_loss"):
        updates(learner, 1)

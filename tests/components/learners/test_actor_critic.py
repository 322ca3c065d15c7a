"""Gradients reach what they should, from numbers worked out by hand."""

from functools import partial
from typing import NamedTuple

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stub_networks import FunctionActor, FunctionCritic

from components.actors.action_selection import Mode, Sample, select_actions
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.learners.gradient_step import gradient_step, init_optimiser, skipped_updates
from components.learners.temperature import FixedTemperature, TunedTemperature
from components.losses.actor import MaximumEntropy
from components.losses.contrastive import InfoNCE
from components.networks import ResidualMLP
from components.protocols import StopGradNetworks
from components.relabelling.strategies import GeometricFuture
from components.replay.batch import Batch

pytestmark = pytest.mark.usefixtures("quickly_compiled")

DIMS = EnvDims(state=3, goal=2, action=1)


def make_learner(temperature=TunedTemperature, **settings):
    network = partial(ResidualMLP, width=8, depth=4)
    return ActorCritic(
        actor=partial(TanhGaussianActor, network),
        critic=partial(ContrastiveCritic, network, network, embedding_size=4),
        critic_loss=InfoNCE(),
        actor_loss=MaximumEntropy(),
        temperature=temperature,
        relabelling=GeometricFuture(),
        actor_optimiser=optax.adam(1e-3),
        critic_optimiser=optax.adam(1e-3),
        temperature_optimiser=optax.adam(1e-2),
        **settings,
    )


@pytest.fixture(scope="module")
def learner():
    """One learner for all tests: its update is compiled once."""
    return make_learner()


@pytest.fixture(scope="module")
def state(learner):
    return eqx.filter_jit(learner.init)(DIMS, jax.random.key(0))


update = eqx.filter_jit(ActorCritic.update)


def make_batch(rows=16):
    keys = jax.random.split(jax.random.key(1), 4)
    normal = lambda key, size: jax.random.normal(key, (rows, size))  # noqa: E731
    return Batch(
        state=normal(keys[0], 3),
        action=jnp.tanh(normal(keys[1], 1)),
        next_state=normal(keys[2], 3),
        goal=normal(keys[3], 2),
        achieved=jnp.zeros((rows, 2)),
        reward=jnp.zeros(rows),
        discount=jnp.ones(rows),
    )


def frozen_with(critic, temperature=1.0):
    """What an actor's loss reads, where it reads no more than this."""
    return StopGradNetworks(None, critic, jnp.asarray(temperature), None, None)


def test_gradient_step_descends_a_parabola():
    point = jnp.asarray([3.0, 4.0])
    optimiser = optax.sgd(0.5)
    loss = lambda x: (0.5 * jnp.sum(x**2), {"size": jnp.sum(x)})  # noqa: E731
    moved, _, metrics = gradient_step(loss, point, optimiser, init_optimiser(optimiser, point))
    np.testing.assert_allclose(moved, [1.5, 2.0])
    assert {name: float(value) for name, value in metrics.items()} == {
        "size": 7.0,
        "loss": 12.5,
        "grad_norm": 5.0,
    }


def test_maximum_entropy_weighs_log_probability_against_the_critic(key):
    class Half(NamedTuple):
        """Always acts 0.5, with log-probability 2."""

        def sample_and_log_prob(self, _key):
            return jnp.asarray([0.5]), jnp.asarray(2.0)

    batch = make_batch(4)
    frozen = frozen_with(FunctionCritic(lambda _s, a, _g: 10.0 * a[0]), 0.25)
    loss, log_probs = MaximumEntropy()(FunctionActor(lambda *_: Half()), batch, frozen, key)
    assert float(loss) == 0.25 * 2.0 - 5.0
    np.testing.assert_array_equal(log_probs, np.full(4, 2.0))


@pytest.mark.parametrize(
    ("share", "low", "high"), [(0.0, 0, 0), (0.25, 200, 312), (1.0, 1024, 1024)]
)
def test_random_goals_are_other_transitions_goals(key, share, low, high):
    class Goal(NamedTuple):
        """Acts its goal."""

        goal: jax.Array

        def sample_and_log_prob(self, _key):
            return self.goal, jnp.zeros(())

    # The critic scores 1 where the goal it judges and acts on is not the transition's own.
    rows = jnp.arange(1024.0)
    batch = make_batch(1024)._replace(
        goal=jnp.stack([rows, rows], axis=1), state=jnp.stack([rows, rows, rows], axis=1)
    )

    @FunctionCritic
    def critic(state, action, goal):
        neighbour = (state[0] - 1) % 1024
        foreign = (goal[0] == neighbour) & (action[0] == neighbour)
        return foreign.astype(jnp.float32)

    loss, _ = MaximumEntropy(share)(
        FunctionActor(lambda _, goal: Goal(goal)), batch, frozen_with(critic), key
    )
    assert low <= -1024 * float(loss) <= high


def test_an_update_moves_every_network_and_names_its_metrics(learner, state, key):
    new, metrics = update(learner, state, make_batch(), key)
    moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), state.networks, new.networks)
    assert all(jax.tree.leaves(moved))
    assert set(metrics) == {
        "actor_loss",
        "actor_grad_norm",
        "entropy",
        "temperature",
        "temperature_loss",
        "critic_loss",
        "critic_grad_norm",
        "categorical_accuracy",
        "logits_positive",
        "logits_negative",
        "logsumexp",
    }
    chex.assert_tree_all_finite(metrics)


def test_a_bad_batch_is_skipped_counted_and_measures_nothing(key):
    learner = make_learner(skip_nonfinite=True, max_gradient_norm=1.0)
    start = eqx.filter_jit(learner.init)(DIMS, jax.random.key(0))
    good = make_batch()
    bad = eqx.tree_at(lambda b: b.goal, good, good.goal.at[0, 0].set(jnp.nan))
    skipped, metrics = update(learner, start, bad, key)
    chex.assert_trees_all_equal(skipped.networks, start.networks)
    assert int(skipped_updates(skipped.optimisers)) == 3  # critic, actor, temperature
    assert float(metrics["critic_loss"]) == 0.0
    chex.assert_tree_all_finite(metrics)
    moved, metrics = update(learner, skipped, good, key)
    assert not eqx.tree_equal(moved.networks, start.networks)
    assert float(metrics["critic_loss"]) > 0.0


def test_a_fixed_temperature_stays(key):
    learner = make_learner(partial(FixedTemperature, 0.25))
    state = learner.init(DIMS, key)
    new, metrics = update(learner, state, make_batch(), key)
    assert float(metrics["temperature"]) == 0.25
    assert float(new.networks.temperature.value()) == 0.25


def test_the_critic_learns_which_goal_belongs_to_which_state(learner, state, key):
    batch = make_batch()
    batch = batch._replace(goal=batch.state[:, :2])
    for step in range(150):
        state, metrics = update(learner, state, batch, jax.random.fold_in(key, step))
    assert float(metrics["categorical_accuracy"]) > 0.9
    assert float(metrics["logits_positive"]) > float(metrics["logits_negative"])


def test_the_critic_does_not_move_with_the_actors_noise(learner, state):
    batch = make_batch()
    one, _ = update(learner, state, batch, jax.random.key(1))
    other, _ = update(learner, state, batch, jax.random.key(2))
    chex.assert_trees_all_equal(one.networks.critic, other.networks.critic)
    assert not eqx.tree_equal(one.networks.actor, other.networks.actor)


def test_actions_lie_inside_the_bounds_and_the_mode_has_no_noise(state, key):
    batch, networks = make_batch(), (state.networks.actor, state.networks.critic)
    drawn, greedy = (
        eqx.filter_jit(select_actions)(rule, *networks, batch.state, batch.goal, key)
        for rule in (Sample(), Mode())
    )
    chex.assert_shape([drawn, greedy], (16, 1))
    assert float(jnp.abs(drawn).max()) <= 1.0
    assert float(jnp.abs(drawn - greedy).max()) > 0.0

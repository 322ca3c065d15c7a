"""Networks of the user's own that return a column, or a number, where the other is due."""

import jax
import jax.numpy as jnp
import pytest
from linear_networks import Action
from stub_networks import FunctionActor, FunctionCritic
from word_values import some_networks, some_numbers

from components.losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from components.losses.c_learning import CLearning
from components.losses.contrastive import EmbeddingPenalty, InfoNCE
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.protocols import EnsembleCritic, PairCritic, Pairs, StopGradNetworks

BATCH, _ = some_numbers()
_, ENSEMBLE, POLICY = some_networks()


class Lone(EnsembleCritic):
    """A single critic that forgets that it is an ensemble of one."""

    def __call__(self, state, action, goal):
        return jnp.sum(state) + jnp.sum(action) - jnp.sum(goal)

    def values(self, state, action, goal):
        return self(state, action, goal)

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


class Diagonal(PairCritic):
    """Scores each state-action with its own goal alone."""

    def __call__(self, state, action, goal):
        return jnp.sum(state) + jnp.sum(action) - jnp.sum(goal)

    def pairs(self, states, actions, goals):
        return Pairs(jax.vmap(self)(states, actions, goals), states, goals)

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


@pytest.mark.parametrize("loss", [InfoNCE(), EmbeddingPenalty(InfoNCE(), weight=0.1)])
def test_a_critic_of_pairs_gives_a_matrix(loss):
    with pytest.raises(AssertionError, match="pairwise must return a matrix"):
        trace(loss, Diagonal())


class PerAction(Action):
    """Has a log-probability for every number of an action."""

    def log_prob(self, action):
        return action - self.m


def trace(loss, network, critic=ENSEMBLE):
    frozen = StopGradNetworks(POLICY, critic, jnp.float32(0.3), POLICY, ENSEMBLE)
    return jax.eval_shape(loss, network, BATCH, frozen, jax.random.key(0))


@pytest.mark.parametrize("loss", [MaximumEntropy(), DeterministicGradient()])
def test_a_critic_that_scores_with_a_column(loss):
    column = FunctionCritic(lambda state, action, goal: state + action - goal)
    with pytest.raises(AssertionError, match=r"shape \(4, 1\).*a critic's score .* scalars"):
        trace(loss, POLICY, column)


@pytest.mark.parametrize("loss", [MaximumEntropy(), LogLikelihood()])
def test_an_actor_with_a_log_probability_per_number(loss):
    actor = FunctionActor(lambda state, goal: PerAction(POLICY(state, goal).m))
    with pytest.raises(AssertionError, match=r"shape \(4, 1\).*the log-probability .* scalars"):
        trace(loss, actor)


@pytest.mark.parametrize("loss", [CLearning(), SoftBellman(), ClippedDoubleQ()])
def test_an_ensemble_that_has_no_axis_of_members(loss):
    with pytest.raises(AssertionError, match=r"shape \(4,\).*critic.values must return a vector"):
        trace(loss, Lone())

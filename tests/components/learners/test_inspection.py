"""What is looked at inside a learner: each network, with the input that it is given."""

import chex
import jax
import jax.numpy as jnp
from random_modules import filled

from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.learners.actor_critic import Networks
from components.learners.inspection import block_norms, network_inputs
from components.networks import ResidualMLP, StableResidualMLP

DIMS = EnvDims(3, 2, 1)
STATE, ACTION, GOAL = jnp.arange(3.0), jnp.ones(1), jnp.array([-1.0, 2.0])


def plan(kind, depth):
    def build(in_size, out_size, key):
        return kind(4, depth, in_size=in_size, out_size=out_size, key=key)

    return build


def norms(actor, critic):
    return block_norms(network_inputs(Networks(actor, critic, None), STATE, ACTION, GOAL))


def test_a_contrastive_learner():
    actor = filled(lambda key: TanhGaussianActor(plan(ResidualMLP, 4), dims=DIMS, key=key))
    encoders = plan(StableResidualMLP, 8), plan(ResidualMLP, 12)
    critic = filled(lambda key: ContrastiveCritic(*encoders, embedding_size=5, dims=DIMS, key=key))
    found = norms(actor, critic)
    assert {role: len(one.added) for role, one in found.items()} == {
        "actor": 1,
        "state-action encoder": 2,
        "goal encoder": 3,
    }
    expected = {
        "actor": actor.network.block_norms(jnp.concatenate([STATE, GOAL])),
        "state-action encoder": critic.state_action_encoder.block_norms(
            jnp.concatenate([STATE, ACTION])
        ),
        "goal encoder": critic.goal_encoder.block_norms(GOAL),
    }
    chex.assert_trees_all_equal(found, expected)


def test_the_first_of_an_ensemble():
    actor = filled(lambda key: DeterministicActor(plan(ResidualMLP, 4), dims=DIMS, key=key))
    critic = filled(lambda key: QEnsemble(plan(ResidualMLP, 8), dims=DIMS, key=key))
    found = norms(actor, critic)
    first = jax.tree.map(lambda leaf: leaf[0], critic.network)
    expected = first.block_norms(jnp.concatenate([STATE, ACTION, GOAL]))
    chex.assert_trees_all_equal(found["critic"], expected)


def test_networks_of_another_kind_are_left_out():
    actor = TanhGaussianActor(
        lambda in_size, out_size, key: jnp.sin,  # noqa: ARG005
        dims=DIMS,
        key=jax.random.key(0),
    )
    assert norms(actor, None) == {}

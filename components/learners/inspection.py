"""What happens inside a learner's networks."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.critics.q_ensemble import QEnsemble
from components.learners.actor_critic import Networks
from components.networks import AbstractResidualNetwork, BlockNorms, Network

ROLES = ("actor", "state-action encoder", "goal encoder", "critic")


def block_norms(
    networks: Networks,
    state: Float[Array, " n"],
    action: Float[Array, " a"],
    goal: Float[Array, " g"],
) -> dict[str, BlockNorms]:
    """What every residual block does for one state, action and goal, by the network's role.

    Roles are those of `ROLES`; `critic` is the first member of an ensemble. Networks that are not
    `AbstractResidualNetwork` are left out.
    """
    return {
        role: network.block_norms(x)
        for role, network, x in _with_inputs(networks, state, action, goal)
        if isinstance(network, AbstractResidualNetwork)
    }


def _with_inputs(
    networks: Networks, state: Array, action: Array, goal: Array
) -> Iterator[tuple[str, Network, Array]]:
    """The networks inside actor and critic: role, network, what it is given."""
    actor, critic = networks.actor, networks.critic
    if isinstance(actor, TanhGaussianActor | DeterministicActor):
        yield "actor", actor.network, jnp.concatenate([state, goal])
    if isinstance(critic, ContrastiveCritic):
        encoded = jnp.concatenate([state, action])
        yield "state-action encoder", critic.state_action_encoder, encoded
        yield "goal encoder", critic.goal_encoder, goal
    if isinstance(critic, QEnsemble):
        first = jax.tree.map(lambda leaf: leaf[0], critic.network)
        yield "critic", first, jnp.concatenate([state, action, goal])

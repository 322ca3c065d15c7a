"""Critics that judge how soon a state-action leads to a goal."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.energies import AbstractEnergy, NegativeL2
from components.networks import Network, NetworkPlan
from components.settings import PositiveInt, check
from components.spaces import Sizes


class ContrastiveCritic(eqx.Module):
    r"""$f(s, a, g) = \mathrm{energy}(\phi(s, a), \psi(g))$ with two encoders into one space.

    Reference: Eysenbach et al., "Contrastive Learning as Goal-Conditioned RL", 2022; Wang et al.,
    "1000 Layer Networks for Self-Supervised RL", 2025, section 3.
    """

    state_action_encoder: Network
    goal_encoder: Network
    energy: AbstractEnergy

    def __init__(
        self,
        state_action_encoder: NetworkPlan,
        goal_encoder: NetworkPlan,
        energy: AbstractEnergy = NegativeL2(),  # noqa: B008 (modules do not change)
        embedding_size: PositiveInt = 64,
        *,
        sizes: Sizes,
        key: Key[Array, ""],
    ):
        """Args:
            state_action_encoder: plan of phi, completed with `in_size`, `out_size` and `key`.
            goal_encoder: plan of psi, likewise.
            energy: agreement of two embeddings.
            embedding_size: numbers in an embedding.
            sizes: of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: `embedding_size` is not positive.
        """
        check(ContrastiveCritic, embedding_size=embedding_size)
        state_action_key, goal_key = jax.random.split(key)
        self.state_action_encoder = state_action_encoder(
            in_size=sizes.state + sizes.action, out_size=embedding_size, key=state_action_key
        )
        self.goal_encoder = goal_encoder(in_size=sizes.goal, out_size=embedding_size, key=goal_key)
        self.energy = energy

    def embed_state_action(
        self, state: Float[Array, " n"], action: Float[Array, " a"]
    ) -> Float[Array, " d"]:
        """phi(s, a)."""
        return self.state_action_encoder(jnp.concatenate([state, action]))

    def embed_goal(self, goal: Float[Array, " g"]) -> Float[Array, " d"]:
        """psi(g)."""
        return self.goal_encoder(goal)

    def __call__(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, ""]:
        """f(s, a, g): higher where the goal is reached sooner."""
        return self.energy(self.embed_state_action(state, action), self.embed_goal(goal))

    def logits(
        self, states: Float[Array, "B n"], actions: Float[Array, "B a"], goals: Float[Array, "C g"]
    ) -> Float[Array, "B C"]:
        """f of every state-action (rows) with every goal (columns)."""
        state_actions = jax.vmap(self.embed_state_action)(states, actions)
        return self.energy.pairwise(state_actions, jax.vmap(self.embed_goal)(goals))

"""The contrastive critic: how soon a state-action leads to a goal."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.energies.similarities import Energy, NegativeL2
from components.env_dims import EnvDims
from components.networks import Network, NetworkPlan
from components.protocols import EnsembleCritic, NetworkInput, PairCritic, Pairs


class ContrastiveCritic(PairCritic, EnsembleCritic):
    r"""$f(s, a, g) = \mathrm{energy}(\phi(s, a), \psi(g))$ with two encoders into one space.

    Reference: Eysenbach et al., "Contrastive Learning as Goal-Conditioned RL", 2022; Wang et al.,
    "1000 Layer Networks for Self-Supervised RL", 2025, section 3.
    """

    state_action_encoder: Network
    goal_encoder: Network
    energy: Energy
    log_scale: Float[Array, ""] | None

    def __init__(
        self,
        state_action_encoder: NetworkPlan,
        goal_encoder: NetworkPlan,
        energy: Energy = NegativeL2(),  # noqa: B008 (modules do not change)
        embedding_size: PositiveInt = 64,
        learned_scale: bool = False,
        *,
        dims: EnvDims,
        key: Key[Array, ""],
    ):
        """Args:
            state_action_encoder: plan of phi, called with `in_size`, `out_size` and `key`.
            goal_encoder: plan of psi, called with the same arguments.
            energy: similarity of two embeddings.
            embedding_size: dimension of an embedding.
            learned_scale: multiply the energy by a trained factor, initially 1 (an inverse
                temperature of the softmax; bounded energies such as the cosine need one).
            dims: dimensions of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: `embedding_size` is not positive.
        """
        check(ContrastiveCritic, embedding_size=embedding_size)
        state_action_key, goal_key = jax.random.split(key)
        self.state_action_encoder = state_action_encoder(
            in_size=dims.state + dims.action, out_size=embedding_size, key=state_action_key
        )
        self.goal_encoder = goal_encoder(in_size=dims.goal, out_size=embedding_size, key=goal_key)
        self.energy = energy
        self.log_scale = jnp.zeros((), jnp.float32) if learned_scale else None

    def embed_state_action(
        self, state: Float[Array, " n"], action: Float[Array, " a"]
    ) -> Float[Array, " d"]:
        """Return phi(s, a)."""
        with jax.named_scope("state_action_encoder"):
            return self.state_action_encoder(jnp.concatenate([state, action]))

    def embed_goal(self, goal: Float[Array, " g"]) -> Float[Array, " d"]:
        """Return psi(g)."""
        with jax.named_scope("goal_encoder"):
            return self.goal_encoder(goal)

    def __call__(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, ""]:
        """Return f(s, a, g), which is higher if the goal is reached sooner."""
        energy = self.energy(self.embed_state_action(state, action), self.embed_goal(goal))
        return self._scaled(energy)

    def values(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, "1"]:
        """Return f(s, a, g) as the only member of an ensemble."""
        return self(state, action, goal)[None]

    def pairs(
        self, states: Float[Array, "B n"], actions: Float[Array, "B a"], goals: Float[Array, "C g"]
    ) -> Pairs:
        """Return the scores and embeddings of every state-action with every goal."""
        state_actions = jax.vmap(self.embed_state_action)(states, actions)
        embedded = jax.vmap(self.embed_goal)(goals)
        logits = self._scaled(self.energy.pairwise(state_actions, embedded))
        return Pairs(logits, state_actions, embedded)

    def network_inputs(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> dict[str, NetworkInput]:
        """Return both encoders and their inputs."""
        state_action = jnp.concatenate([state, action])
        return {
            "state-action encoder": NetworkInput(self.state_action_encoder, state_action),
            "goal encoder": NetworkInput(self.goal_encoder, goal),
        }

    def _scaled(self, energy: Float[Array, "*b"]) -> Float[Array, "*b"]:
        return energy if self.log_scale is None else jnp.exp(self.log_scale) * energy

"""What an actor is trained to do."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from components.batch import Batch


class AbstractActorLoss(eqx.Module):
    """Scores an actor's fresh actions on a batch with the critic held fixed."""

    @abc.abstractmethod
    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,
        temperature: Float[Array, ""],
        batch: Batch,
        key: Key[Array, ""],
    ) -> tuple[Float[Array, ""], Float[Array, " B"]]:
        """The loss, and the log-probabilities of the actions it drew."""


class MaximumEntropy(AbstractActorLoss):
    r"""Maximise the critic plus the entropy of the policy.

    $\frac1B \sum_i \alpha \log \pi(a_i \mid s_i, g_i) - f(s_i, a_i, g_i)$, with
    $a_i \sim \pi(\cdot \mid s_i, g_i)$ drawn by reparametrisation.

    Reference: Haarnoja et al., "Soft Actor-Critic", 2018, eq. 12; Wang et al., "1000 Layer Networks
    for Self-Supervised RL", 2025, section 3 (there with the sign of f left out).
    """

    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,
        temperature: Float[Array, ""],
        batch: Batch,
        key: Key[Array, ""],
    ) -> tuple[Float[Array, ""], Float[Array, " B"]]:
        def score(state, goal, key):
            action, log_prob = actor(state, goal).sample_and_log_prob(key)
            return critic(state, action, goal), log_prob

        keys = jax.random.split(key, batch.state.shape[0])
        values, log_probs = jax.vmap(score)(batch.state, batch.goal, keys)
        return jnp.mean(temperature * log_probs - values), log_probs

"""What an actor is trained to do."""

import abc
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from components.batch import Batch
from components.settings import Between, check


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
    for Self-Supervised RL", 2025, section 3 (there with the sign of f left out); Eysenbach et al.,
    "Contrastive Learning as Goal-Conditioned RL", 2022, draw the actor's goals at random.
    """

    random_goals: float = eqx.field(static=True)

    def __init__(self, random_goals: Annotated[float, Between(0, 1)] = 0.0):
        """Args:
            random_goals: share of transitions that are given another transition's goal, so that the
                policy is trained on goals that their episode never reached.

        Raises:
            SettingError: not between 0 and 1.
        """
        check(MaximumEntropy, random_goals=random_goals)
        self.random_goals = random_goals

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

        goal_key, action_key = jax.random.split(key)
        goals = self._goals(batch.goal, goal_key)
        keys = jax.random.split(action_key, batch.state.shape[0])
        values, log_probs = jax.vmap(score)(batch.state, goals, keys)
        return jnp.mean(temperature * log_probs - values), log_probs

    def _goals(self, goals: Float[Array, "B g"], key: Key[Array, ""]) -> Float[Array, "B g"]:
        """Some goals exchanged for their neighbour's; rows of a batch are in random order."""
        exchanged = jax.random.bernoulli(key, self.random_goals, (goals.shape[0], 1))
        return jnp.where(exchanged, jnp.roll(goals, 1, axis=0), goals)

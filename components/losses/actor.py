"""Losses of actors."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import Between, check
from components.losses.shape_checks import require_scalars
from components.protocols import (
    Actor,
    ActorLoss,
    Critic,
    Scalar,
    StochasticActor,
    StopGradNetworks,
)
from components.replay.batch import Batch
from components.target_devices import target_platform

Share = Annotated[float, Between(0, 1)]


class MaximumEntropy(ActorLoss):
    r"""Maximises the critic plus the entropy of the policy.

    $\frac1B \sum_i \alpha \log \pi(a_i \mid s_i, g_i) - f(s_i, a_i, g_i)$, with
    $a_i \sim \pi(\cdot \mid s_i, g_i)$ drawn by reparametrisation.

    Reference: Haarnoja et al., "Soft Actor-Critic", 2018, eq. 12; Wang et al., "1000 Layer Networks
    for Self-Supervised RL", 2025, section 3 (without the sign of f); Eysenbach et al.,
    "Contrastive Learning as Goal-Conditioned RL", 2022, draw the actor's goals at random.
    """

    random_goals: float = eqx.field(static=True)

    def __init__(self, random_goals: Share = 0.0):
        """Args:
            random_goals: share of transitions that get another transition's goal, which trains the
                policy on goals that their own episode never reached.

        Raises:
            SettingError: `random_goals` is not between 0 and 1.
        """
        check(MaximumEntropy, random_goals=random_goals)
        self.random_goals = random_goals

    def __call__(
        self,
        actor: StochasticActor,
        batch: Batch,
        frozen: StopGradNetworks[StochasticActor, Critic],
        key: Key[Array, ""],
    ) -> tuple[Scalar, Float[Array, " B"] | None]:
        def score(state, goal, key):
            action, log_prob = actor(state, goal).sample_and_log_prob(key)
            return frozen.critic(state, action, goal), log_prob

        goal_key, action_key = jax.random.split(key)
        goals = exchange_goals(batch.goal, self.random_goals, goal_key)
        keys = jax.random.split(action_key, batch.state.shape[0])
        values, log_probs = jax.vmap(score)(batch.state, goals, keys)
        require_scalars(keys.shape[0], values, log_probs)
        return jnp.mean(frozen.temperature * log_probs - values), log_probs


class DeterministicGradient(ActorLoss):
    r"""Maximises the critic of the policy's mode: $-\frac1B \sum_i f(s_i, \mu(s_i, g_i), g_i)$.

    Reference: Lillicrap et al., "Continuous control with deep reinforcement learning", 2016, eq. 6
    (DDPG); Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods",
    2018, algorithm 1 (TD3).
    """

    random_goals: float = eqx.field(static=True)

    def __init__(self, random_goals: Share = 0.0):
        """Args:
            random_goals: as in `MaximumEntropy`.

        Raises:
            SettingError: `random_goals` is not between 0 and 1.
        """
        check(DeterministicGradient, random_goals=random_goals)
        self.random_goals = random_goals

    def __call__(
        self,
        actor: Actor,
        batch: Batch,
        frozen: StopGradNetworks[Actor, Critic],
        key: Key[Array, ""],
    ) -> tuple[Scalar, Float[Array, " B"] | None]:
        def score(state, goal):
            return frozen.critic(state, actor(state, goal).mode(), goal)

        goals = exchange_goals(batch.goal, self.random_goals, key)
        values = jax.vmap(score)(batch.state, goals)
        require_scalars(goals.shape[0], values)
        return -jnp.mean(values), None


class LogLikelihood(ActorLoss):
    r"""Imitates actions for the goals they led to: $-\frac1B \sum_i \log \pi(a_i \mid s_i, g_i)$.

    Reference: Ghosh et al., "Learning to Reach Goals via Iterated Supervised Learning", 2021, eq. 2
    (GCSL); Lynch et al., "Learning Latent Plans from Play", 2020 (goal-conditioned behavioural
    cloning).
    """

    def __call__(
        self,
        actor: StochasticActor,
        batch: Batch,
        frozen: StopGradNetworks,  # noqa: ARG002 - imitation needs no other network
        key: Key[Array, ""],  # noqa: ARG002
    ) -> tuple[Scalar, Float[Array, " B"] | None]:
        def log_prob(state, goal, action):
            return actor(state, goal).log_prob(action)

        log_probs = jax.vmap(log_prob)(batch.state, batch.goal, batch.action)
        require_scalars(batch.state.shape[0], log_probs)
        return -jnp.mean(log_probs), None


def exchange_goals(
    goals: Float[Array, "B g"], share: float, key: Key[Array, ""]
) -> Float[Array, "B g"]:
    """Replace a random `share` of the goals by that of the row above; rows are in random order."""
    # Goals that are the critic's too are embedded once for both; a CPU keeps its recorded program.
    if share == 0 and target_platform() != "cpu":
        return goals
    exchanged = jax.random.bernoulli(key, share, (goals.shape[0], 1))
    return jnp.where(exchanged, jnp.roll(goals, 1, axis=0), goals)

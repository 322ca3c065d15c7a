"""Temporal-difference losses: regression on a target that bootstraps from the next state.

Only termination stops the bootstrap; a time limit does not.
"""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import AtLeast, Discount, PositiveFloat, check
from components.losses.shape_checks import require_member_values, require_scalars
from components.protocols import (
    Actor,
    CriticLoss,
    EnsembleCritic,
    Metrics,
    Scalar,
    StochasticActor,
    StopGradNetworks,
)
from components.replay.batch import Batch

Noise = Annotated[float, AtLeast(0)]


def bellman_target(
    batch: Batch, next_value: Float[Array, " B"], discount: float
) -> Float[Array, " B"]:
    r"""Return $y_i = r_i + \gamma d_i v_i$, where $d_i = 0$ if the episode terminated."""
    require_scalars(batch.reward.shape[0], next_value)
    return jax.lax.stop_gradient(batch.reward + discount * batch.discount * next_value)


def squared_error(
    critic: EnsembleCritic, batch: Batch, target: Float[Array, " B"]
) -> tuple[Scalar, Metrics]:
    r"""Return $\frac1B \sum_i \sum_k \frac12 (Q_k(s_i, a_i, g_i) - y_i)^2$, summed over members k.

    Its metrics are `q_value` and `q_target` (means) and `td_error` (mean absolute error).
    """
    values = jax.vmap(critic.values)(batch.state, batch.action, batch.goal)
    require_member_values(target.shape[0], values)
    error = values - target[:, None]
    loss = jnp.mean(jnp.sum(0.5 * jnp.square(error), axis=1))
    metrics = {
        "q_value": jnp.mean(values),
        "q_target": jnp.mean(target),
        "td_error": jnp.mean(jnp.abs(error)),
    }
    return loss, metrics


class SoftBellman(CriticLoss):
    r"""The soft Bellman error of SAC.

    $y = r + \gamma d \, (\min_k \bar Q_k(s', a', g) - \alpha \log \pi(a' \mid s', g))$ with
    $a' \sim \pi(\cdot \mid s', g)$ from the current policy and $\bar Q$ the target critic.

    Reference: Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, eq. 5-6.
    """

    discount: float = eqx.field(static=True)

    def __init__(self, discount: Discount = 0.99):
        """Args:
            discount: gamma per environment step.

        Raises:
            SettingError: `discount` is not between 0 and 1.
        """
        check(SoftBellman, discount=discount)
        self.discount = discount

    def __call__(
        self,
        critic: EnsembleCritic,
        batch: Batch,
        frozen: StopGradNetworks[StochasticActor, EnsembleCritic],
        key: Key[Array, ""],
    ) -> tuple[Scalar, Metrics]:
        """Return the loss of a critic on a batch, and metrics."""

        def next_value(state, goal, key):
            action, log_prob = frozen.actor(state, goal).sample_and_log_prob(key)
            q = jnp.min(frozen.target_critic.values(state, action, goal))
            return q - frozen.temperature * log_prob

        keys = jax.random.split(key, batch.reward.shape[0])
        value = jax.vmap(next_value)(batch.next_state, batch.goal, keys)
        return squared_error(critic, batch, bellman_target(batch, value, self.discount))


class ClippedDoubleQ(CriticLoss):
    r"""The Bellman error of TD3, and with one critic member and no smoothing that of DDPG.

    $y = r + \gamma d \, \min_k \bar Q_k(s', a', g)$ with
    $a' = \mathrm{clip}(\bar\mu(s', g) + \mathrm{clip}(\epsilon, -c, c), -1, 1)$,
    $\epsilon \sim N(0, \sigma^2)$, and $\bar Q$, $\bar\mu$ the target critic and policy.

    Reference: Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods",
    2018, eq. 10, 14 and algorithm 1.
    """

    discount: float = eqx.field(static=True)
    smoothing: float = eqx.field(static=True)
    smoothing_clip: float = eqx.field(static=True)

    def __init__(
        self,
        discount: Discount = 0.99,
        smoothing: Noise = 0.2,
        smoothing_clip: PositiveFloat = 0.5,
    ):
        """Args:
            discount: gamma per environment step.
            smoothing: standard deviation sigma of the noise on the target policy's actions.
            smoothing_clip: bound c of that noise.

        Raises:
            SettingError: a setting is outside its range.
        """
        check(ClippedDoubleQ, discount=discount, smoothing=smoothing, smoothing_clip=smoothing_clip)
        self.discount = discount
        self.smoothing = smoothing
        self.smoothing_clip = smoothing_clip

    def __call__(
        self,
        critic: EnsembleCritic,
        batch: Batch,
        frozen: StopGradNetworks[Actor, EnsembleCritic],
        key: Key[Array, ""],
    ) -> tuple[Scalar, Metrics]:
        """Return the loss of a critic on a batch, and metrics."""

        def next_value(state, goal, noise):
            action = frozen.target_actor(state, goal).mode() + noise
            return jnp.min(frozen.target_critic.values(state, jnp.clip(action, -1.0, 1.0), goal))

        noise = self.smoothing * jax.random.normal(key, batch.action.shape, batch.action.dtype)
        noise = jnp.clip(noise, -self.smoothing_clip, self.smoothing_clip)
        value = jax.vmap(next_value)(batch.next_state, batch.goal, noise)
        return squared_error(critic, batch, bellman_target(batch, value, self.discount))

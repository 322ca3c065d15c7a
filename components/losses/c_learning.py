"""C-learning: the temporal-difference relative of contrastive RL."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import Discount, PositiveFloat, check
from components.losses.shape_checks import require_member_values
from components.protocols import Actor, CriticLoss, EnsembleCritic, Metrics, StopGradNetworks
from components.replay.batch import Batch


class CLearning(CriticLoss):
    r"""Trains a classifier of future states against random states, bootstrapping one term.

    With logits $f = \log C / (1 - C)$, $\ell_1 = \mathrm{softplus}(-f)$ and
    $\ell_0 = \mathrm{softplus}(f)$ per transition $(s, a, s')$ and random goal g:

    $(1 - \gamma) \ell_1(s, a, m(s')) + \gamma d w \ell_1(s, a, g) + \ell_0(s, a, g)$,

    $w = \min(e^{\bar f(s', a', g)}, w_{\max})$, $a' \sim \pi(\cdot \mid s', g)$, where m(s') is the
    goal that s' achieves and $d = 0$ if the episode terminated at s'. It needs goals drawn at
    random from the buffer (`goal.RandomState`).

    Reference: Eysenbach et al., "C-Learning: Learning to Achieve Goals via Recursive
    Classification", 2021, eq. 10 and algorithm 1.
    """

    discount: float = eqx.field(static=True)
    largest_weight: float = eqx.field(static=True)

    def __init__(self, discount: Discount = 0.99, largest_weight: PositiveFloat = 20.0):
        """Args:
            discount: gamma per environment step.
            largest_weight: w_max, without which an early overestimate amplifies itself.

        Raises:
            SettingError: a setting is outside its range.
        """
        check(CLearning, discount=discount, largest_weight=largest_weight)
        self.discount = discount
        self.largest_weight = largest_weight

    def __call__(
        self,
        critic: EnsembleCritic,
        batch: Batch,
        frozen: StopGradNetworks[Actor, EnsembleCritic],
        key: Key[Array, ""],
    ) -> tuple[Float[Array, ""], Metrics]:
        """Return the loss of a critic on a batch, summed over its members, and metrics."""
        keys = jax.random.split(key, batch.reward.shape[0])
        weight = jax.vmap(self._weight, in_axes=(None, 0, 0, 0))(
            frozen, batch.next_state, batch.goal, keys
        )
        values = jax.vmap(critic.values)
        reached = values(batch.state, batch.action, batch.achieved)
        random = values(batch.state, batch.action, batch.goal)
        require_member_values(keys.shape[0], random)
        bootstrap = (self.discount * batch.discount * weight)[:, None]
        terms = (
            (1 - self.discount) * jax.nn.softplus(-reached)
            + bootstrap * jax.nn.softplus(-random)
            + jax.nn.softplus(random)
        )
        metrics = {
            "logits_positive": jnp.mean(reached),
            "logits_negative": jnp.mean(random),
            "weight": jnp.mean(weight),
        }
        return jnp.mean(jnp.sum(terms, axis=1)), metrics

    def _weight(
        self,
        frozen: StopGradNetworks[Actor, EnsembleCritic],
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, ""]:
        """Return w of one transition."""
        action = frozen.actor(state, goal).sample(key)
        logit = jnp.min(frozen.target_critic.values(state, action, goal))
        return jax.lax.stop_gradient(jnp.minimum(jnp.exp(logit), self.largest_weight))

"""The weight of entropy in the actor's loss: fixed, or tuned towards a target entropy."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from components.constraints import AtLeast, PositiveFloat, PositiveInt, check
from components.protocols import Temperature


class FixedTemperature(Temperature):
    """A constant alpha; 0 removes the entropy from the loss."""

    alpha: float = eqx.field(static=True)

    def __init__(self, value: Annotated[float, AtLeast(0)] = 0.1, *, action_size: PositiveInt):
        """Args:
            value: alpha.
            action_size: action dimension; unused, accepted for a uniform signature.

        Raises:
            SettingError: `value` is negative.
        """
        check(FixedTemperature, value=value, action_size=action_size)
        self.alpha = value

    def value(self) -> Float[Array, ""]:
        return jnp.asarray(self.alpha, jnp.float32)

    def loss(self, log_probs: Float[Array, " B"]) -> Float[Array, ""]:
        return jnp.zeros((), log_probs.dtype)


class TunedTemperature(Temperature):
    r"""An $\alpha = e^{\log \alpha}$ that rises while the policy's entropy is below its target.

    $\frac1B \sum_i \alpha \, \mathrm{sg}(-\log \pi(a_i) - \bar H)$ with target entropy $\bar H$ =
    `target_entropy_per_dimension` x `action_size`, in nats.

    Reference: Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, eq. 18.
    """

    log_alpha: Float[Array, ""]
    target_entropy: float = eqx.field(static=True)

    def __init__(
        self,
        initial: PositiveFloat = 1.0,
        target_entropy_per_dimension: float = -0.5,
        *,
        action_size: PositiveInt,
    ):
        """Args:
            initial: initial alpha.
            target_entropy_per_dimension: nats; the uniform policy has log 2 = 0.69.
            action_size: action dimension.

        Raises:
            SettingError: `initial` or `action_size` is not positive.
        """
        check(TunedTemperature, initial=initial, action_size=action_size)
        self.log_alpha = jnp.asarray(np.log(initial), jnp.float32)
        self.target_entropy = target_entropy_per_dimension * action_size

    def value(self) -> Float[Array, ""]:
        return jnp.exp(self.log_alpha)

    def loss(self, log_probs: Float[Array, " B"]) -> Float[Array, ""]:
        missing = jax.lax.stop_gradient(-log_probs - self.target_entropy)
        return jnp.mean(self.value() * missing)

"""A policy without a distribution of its own: one action, and noise to explore with."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import AtLeast, SettingError, check
from components.env_dims import EnvDims
from components.networks import Network, NetworkPlan


class NoisyAction(eqx.Module):
    r"""$a = \mathrm{clip}(\mu + \sigma \epsilon, -1, 1)$ with $\epsilon \sim N(0, 1)$.

    Attributes:
        action: mu.
        noise: sigma.
    """

    action: Float[Array, " a"]
    noise: float = eqx.field(static=True)

    def mode(self) -> Float[Array, " a"]:
        """The action without noise."""
        return self.action

    def sample(self, key: Key[Array, ""]) -> Float[Array, " a"]:
        """The action with noise."""
        noise = jax.random.normal(key, self.action.shape, self.action.dtype)
        return jnp.clip(self.action + self.noise * noise, -1.0, 1.0)

    def sample_and_log_prob(
        self,
        key: Key[Array, ""],  # noqa: ARG002
    ) -> tuple[Float[Array, " a"], Float[Array, ""]]:
        """Refused: the clipped action has no density.

        Raises:
            SettingError: always.
        """
        raise _no_density()

    def log_prob(
        self,
        action: Float[Array, " a"],  # noqa: ARG002
    ) -> Float[Array, ""]:
        """Refused likewise.

        Raises:
            SettingError: always.
        """
        raise _no_density()


class DeterministicActor(eqx.Module):
    r"""$\mu(s, g) = \tanh(\mathrm{network}(s, g))$.

    Reference: Lillicrap et al., "Continuous control with deep reinforcement learning", 2016;
    Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods", 2018.
    """

    network: Network
    noise: float = eqx.field(static=True)

    def __init__(
        self,
        network: NetworkPlan,
        noise: Annotated[float, AtLeast(0)] = 0.1,
        *,
        sizes: EnvDims,
        key: Key[Array, ""],
    ):
        """Args:
            network: plan of the network, completed with `in_size`, `out_size` and `key`.
            noise: standard deviation of the exploration noise on each action.
            sizes: of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: negative noise.
        """
        check(DeterministicActor, noise=noise)
        self.network = network(in_size=sizes.state + sizes.goal, out_size=sizes.action, key=key)
        self.noise = noise

    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> NoisyAction:
        """The action in one state with one goal, and its noise."""
        return NoisyAction(jnp.tanh(self.network(jnp.concatenate([state, goal]))), self.noise)


def _no_density() -> SettingError:
    return SettingError(
        "actor",
        "is deterministic, but a loss of this learner needs log-probabilities of actions. "
        "Use actor.TanhGaussianActor, or losses made for deterministic actors "
        "(actor_loss.DeterministicGradient, loss.ClippedDoubleQ).",
    )

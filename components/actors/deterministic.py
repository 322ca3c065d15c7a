"""The deterministic actor: one action, and noise to explore with."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import AtLeast, check
from components.env_dims import EnvDims
from components.networks import Network, NetworkPlan
from components.protocols import ActionSampler, Actor, NetworkInput


class NoisyAction(ActionSampler):
    r"""$a = \mathrm{clip}(\mu + \sigma \epsilon, -1, 1)$ with $\epsilon \sim N(0, 1)$.

    Attributes:
        action: mean action mu.
        noise: standard deviation sigma.
    """

    action: Float[Array, " a"]
    noise: float = eqx.field(static=True)

    def mode(self) -> Float[Array, " a"]:
        """Return the action without noise."""
        return self.action

    def sample(self, key: Key[Array, ""]) -> Float[Array, " a"]:
        """Draw the action with noise."""
        noise = jax.random.normal(key, self.action.shape, self.action.dtype)
        return jnp.clip(self.action + self.noise * noise, -1.0, 1.0)


class DeterministicActor(Actor):
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
        dims: EnvDims,
        key: Key[Array, ""],
    ):
        """Args:
            network: plan of the network, called with `in_size`, `out_size` and `key`.
            noise: standard deviation of the exploration noise on each entry of the action.
            dims: dimensions of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: `noise` is negative.
        """
        check(DeterministicActor, noise=noise)
        self.network = network(in_size=dims.state + dims.goal, out_size=dims.action, key=key)
        self.noise = noise

    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> NoisyAction:
        """Return the action for one state and one goal, with its noise."""
        return NoisyAction(jnp.tanh(self.network(jnp.concatenate([state, goal]))), self.noise)

    def network_inputs(
        self,
        state: Float[Array, " n"],
        action: Float[Array, " a"],  # noqa: ARG002
        goal: Float[Array, " g"],
    ) -> dict[str, NetworkInput]:
        """Return the network and its input."""
        return {"actor": NetworkInput(self.network, jnp.concatenate([state, goal]))}

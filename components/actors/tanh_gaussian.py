"""The stochastic actor: maps a state and a goal to a distribution of actions."""

from typing import Annotated

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.actors.tanh_normal import TanhNormal
from components.constraints import Between, SettingError, check
from components.env_dims import EnvDims
from components.networks import Network, NetworkPlan
from components.protocols import NetworkInput, StochasticActor

LogStd = Annotated[float, Between(-20, 5)]


class TanhGaussianActor(StochasticActor):
    r"""$\pi(a \mid s, g) = \mathrm{TanhNormal}(\mu, \log \sigma)$ from one network.

    $\log \sigma = l + \frac{h - l}2 (\tanh z + 1)$ keeps the log standard deviation within [l, h];
    the network's outputs are $\mu$, then z.

    Reference: Wang et al., "1000 Layer Networks for Self-Supervised RL", 2025, table 7.
    """

    network: Network
    log_std_min: float = eqx.field(static=True)
    log_std_max: float = eqx.field(static=True)

    def __init__(
        self,
        network: NetworkPlan,
        log_std_min: LogStd = -5.0,
        log_std_max: LogStd = 2.0,
        *,
        dims: EnvDims,
        key: Key[Array, ""],
    ):
        """Args:
            network: plan of the network, called with `in_size`, `out_size` and `key`.
            log_std_min: l, of the normal before tanh.
            log_std_max: h, of the normal before tanh.
            dims: dimensions of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: a bound is out of range, or the bounds are in the wrong order.
        """
        check(TanhGaussianActor, log_std_min=log_std_min, log_std_max=log_std_max)
        if log_std_min >= log_std_max:
            problem = f"is {log_std_min!r}; it must be less than log_std_max, {log_std_max!r}."
            raise SettingError("log_std_min", problem)
        self.network = network(in_size=dims.state + dims.goal, out_size=2 * dims.action, key=key)
        self.log_std_min = log_std_min
        self.log_std_max = log_std_max

    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> TanhNormal:
        """Return the distribution of actions for one state and one goal."""
        mean, z = jnp.split(self.network(jnp.concatenate([state, goal])), 2)
        half_range = (self.log_std_max - self.log_std_min) / 2
        return TanhNormal(mean, self.log_std_min + half_range * (jnp.tanh(z) + 1))

    def network_inputs(
        self,
        state: Float[Array, " n"],
        action: Float[Array, " a"],  # noqa: ARG002
        goal: Float[Array, " g"],
    ) -> dict[str, NetworkInput]:
        """Return the network and its input."""
        return {"actor": NetworkInput(self.network, jnp.concatenate([state, goal]))}

"""Q-functions: networks whose input is state, action and goal together."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import OneOf, PositiveInt, check
from components.env_dims import EnvDims
from components.networks import Network, NetworkPlan
from components.protocols import EnsembleCritic, NetworkInput

Aggregation = Annotated[str, OneOf(("minimum", "first"))]


class QEnsemble(EnsembleCritic):
    r"""$Q_1, \dots, Q_K$ of (s, a, g): networks of one plan with separate weights.

    Reference: Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods",
    2018 (two members).
    """

    network: Network  # arrays have a leading axis of members
    members: int = eqx.field(static=True)
    aggregation: str = eqx.field(static=True)

    def __init__(
        self,
        network: NetworkPlan,
        members: PositiveInt = 2,
        aggregation: Aggregation = "minimum",
        *,
        dims: EnvDims,
        key: Key[Array, ""],
    ):
        """Args:
            network: plan of each member, called with `in_size`, `out_size` and `key`.
            members: K.
            aggregation: how the members' values become the one that the actor maximises: their
                `minimum` (SAC), or the `first` (TD3).
            dims: dimensions of state, goal and action.
            key: random key of the weights.

        Raises:
            SettingError: a setting is outside its range.
        """
        check(QEnsemble, members=members, aggregation=aggregation)

        def make(key: Key[Array, ""]) -> Network:
            in_size = dims.state + dims.action + dims.goal
            return network(in_size=in_size, out_size=1, key=key)

        self.network = eqx.filter_vmap(make)(jax.random.split(key, members))
        self.members = members
        self.aggregation = aggregation

    def values(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, " members"]:
        """Return the value of each member."""
        x = jnp.concatenate([state, action, goal])
        return eqx.filter_vmap(lambda network: network(x)[0])(self.network)

    def __call__(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, ""]:
        """Return the aggregated value, which the actor maximises."""
        values = self.values(state, action, goal)
        return values[0] if self.aggregation == "first" else jnp.min(values)

    def network_inputs(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> dict[str, NetworkInput]:
        """Return the first member and its input."""
        first = jax.tree.map(lambda leaf: leaf[0], self.network)
        return {"critic": NetworkInput(first, jnp.concatenate([state, action, goal]))}

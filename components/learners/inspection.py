"""The networks of a learner: their names, inputs, depth, and residual blocks.

A learner's networks are the attributes of `LearnerState.networks` that are `Inspectable`.
"""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from components.networks import AbstractResidualNetwork, BlockNorms
from components.protocols import Critic, Inspectable, NetworkInput


def block_norms(networks: dict[str, NetworkInput]) -> dict[str, BlockNorms]:
    """Return what each residual block adds, by the network's name.

    Networks that are not `AbstractResidualNetwork` have no blocks and are skipped.
    """
    return {
        name: network.block_norms(x)
        for name, (network, x) in networks.items()
        if isinstance(network, AbstractResidualNetwork)
    }


def network_inputs(
    networks: eqx.Module,
    state: Float[Array, " n"],
    action: Float[Array, " a"],
    goal: Float[Array, " g"],
) -> dict[str, NetworkInput]:
    """Return every network of a learner with its input, by the name that reports show."""
    found = {}
    for module in vars(networks).values():
        if isinstance(module, Inspectable):
            found |= module.network_inputs(state, action, goal)
    return found


def named_networks(networks: eqx.Module) -> dict[str, eqx.Module]:
    """Return a learner's networks by name: `actor`, `critic.goal_encoder`, and so on."""
    found = {}
    for name, module in vars(networks).items():
        if isinstance(module, Critic):
            found |= _inner_networks(name, module)
        elif isinstance(module, Inspectable):
            found[name] = module
    return found


def critic_of(networks: eqx.Module) -> Critic | None:
    """Return the critic among a learner's networks, or None for a learner without one."""
    critics = (module for module in vars(networks).values() if isinstance(module, Critic))
    return next(critics, None)


def network_depth(module: Any) -> int | None:
    """Return the depth of the deepest network inside, in dense layers; None if it is unknown."""
    return max(_depths(module), default=None)


def _inner_networks(name: str, critic: Critic) -> dict[str, eqx.Module]:
    """Return the modules with parameters inside a critic, or the critic if there are none."""
    found = {
        f"{name}.{attribute}": value
        for attribute, value in vars(critic).items()
        if isinstance(value, eqx.Module) and jax.tree.leaves(value)
    }
    return found or {name: critic}


def _depths(module: Any) -> Iterator[int]:
    if not isinstance(module, eqx.Module):
        return
    attributes = vars(module)
    if isinstance(attributes.get("depth"), int):
        yield attributes["depth"]
    for value in attributes.values():
        yield from _depths(value)

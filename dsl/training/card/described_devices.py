"""Finds the devices of a GPU that is only described, which programs can be compiled for."""

from typing import Any

from jax.experimental import topologies

from dsl.errors import UsageError
from dsl.training.card.cards import Card


def describe_devices(card: Card, count: int) -> tuple[Any, ...]:
    """Return `count` cards of one machine, of which none has to exist.

    Raises:
        UsageError: the packages that compile for a GPU are missing.
    """
    try:
        topology = topologies.get_topology_desc(
            card.name, "cuda", target_config=card.target, topology=f"1x1x{count}"
        )
    except (NotImplementedError, RuntimeError) as error:
        raise UsageError(
            "compiling for a card needs JAX's CUDA packages, though neither a GPU nor a driver: "
            "pip install 'kilolayer[cuda]', or in a checkout pip install -c constraints.txt -e "
            f"'.[cuda]'. JAX says: {error}."
        ) from error
    return tuple(topology.devices)

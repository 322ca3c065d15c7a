"""Networks: functions of one example, built from settings and sizes."""

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Array

from components.networks.hyperspherical import HypersphericalMLP, on_unit_spheres
from components.networks.residual import (
    AbstractResidualNetwork,
    BlockNorms,
    ResidualMLP,
    StableResidualMLP,
)

Network: TypeAlias = Callable[[Array], Array]
NetworkPlan: TypeAlias = Callable[..., Network]  # called with in_size, out_size and key

__all__ = [
    "AbstractResidualNetwork",
    "BlockNorms",
    "HypersphericalMLP",
    "Network",
    "NetworkPlan",
    "ResidualMLP",
    "StableResidualMLP",
    "on_unit_spheres",
]

"""Bounds from below how long a call takes on a card."""

from collections.abc import Mapping
from typing import NamedTuple

from dsl.training.card.cards import Card

# From the start of one kernel to that of the next, within a graph or outside. An H100 needed 1.6 us
# and more for each of the small kernels of a scanned network.
LAUNCH_SECONDS = 1e-6


class LowerBound(NamedTuple):
    """Seconds that a call takes at least, by what would take them if nothing else took time.

    Attributes:
        launches: starting its kernels one after the other.
        products: its matrix products at the card's highest rates.
        memory: reading what it is given and writing what it returns, once each.
    """

    launches: float
    products: float
    memory: float

    @property
    def seconds(self) -> float:
        """Return the largest of them: they may overlap."""
        return max(self)

    @property
    def binding(self) -> str:
        """Return the name of the largest."""
        return max(self._asdict().items(), key=lambda item: item[1])[0]


def lower_bound(card: Card, kernels: int, operations: Mapping[str, int], moved: int) -> LowerBound:
    """Return the lower bound of a call.

    Args:
        card: what it runs on.
        kernels: that it launches.
        operations: floating-point operations of its matrix products, by precision.
        moved: bytes that it reads and writes, each counted once.
    """
    products = sum(count / card.rates[precision] for precision, count in operations.items())
    return LowerBound(kernels * LAUNCH_SECONDS, products, moved / card.bandwidth)

"""Which goal a stored transition is trained with."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from components.batch import Replay
from components.buffers import Anchors
from components.settings import Discount, check


class AbstractRelabelling(eqx.Module):
    """Chooses a goal for every transition of a batch."""

    @abc.abstractmethod
    def __call__(
        self, replay: Replay, anchors: Anchors, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        """Goals for the transitions at `anchors`."""


def truncated_geometric(
    key: Key[Array, ""], longest: Int[Array, " B"], discount: float
) -> Int[Array, " B"]:
    r"""Draw $k \in \{1, \dots, n\}$ with $P(k) \propto \gamma^k$, in O(1) by inverting the CDF.

    $F(k) = (1 - \gamma^k) / (1 - \gamma^n)$, so $k = \lceil \log(1 - u F_n) / \log \gamma \rceil$
    with $F_n = 1 - \gamma^n$ and $u$ uniform in [0, 1).

    Args:
        key: random key.
        longest: n of each draw, at least 1.
        discount: gamma, in (0, 1).
    """
    log_discount = jnp.log(jnp.float32(discount))
    mass = -jnp.expm1(longest.astype(jnp.float32) * log_discount)
    u = jax.random.uniform(key, longest.shape)
    k = jnp.ceil(jnp.log1p(-u * mass) / log_discount)
    return jnp.clip(k.astype(jnp.int32), 1, longest)


class GeometricFuture(AbstractRelabelling):
    """A state reached later in the same episode, k steps ahead with P(k) proportional to gamma^k.

    The draw is truncated at the end of the episode, or at its newest row while it still runs.
    Reference: Eysenbach et al., "Contrastive Learning as Goal-Conditioned Reinforcement Learning",
    2022, section 3 (the discounted state occupancy measure).
    """

    discount: float = eqx.field(static=True)

    def __init__(self, discount: Discount = 0.99):
        """Args:
        discount: gamma per environment step.
        """
        check(GeometricFuture, discount=discount)
        self.discount = discount

    def __call__(
        self, replay: Replay, anchors: Anchors, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        ahead = truncated_geometric(key, anchors.steps_left, self.discount)
        return replay.achieved(anchors.time + ahead, anchors.lane)

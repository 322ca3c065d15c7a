"""Which goal a stored transition is trained with."""

import abc
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from components.constraints import Between, Discount, check
from components.replay.batch import Replay
from components.replay.trajectory_buffer import TransitionIndex


class AbstractRelabelling(eqx.Module):
    """Chooses a goal for every transition of a batch."""

    @abc.abstractmethod
    def __call__(
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
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
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        ahead = truncated_geometric(key, anchors.steps_left, self.discount)
        return replay.achieved(anchors.time + ahead, anchors.lane)


class Commanded(AbstractRelabelling):
    """The goal that the episode was commanded to reach."""

    def __call__(
        self,
        replay: Replay,
        anchors: TransitionIndex,
        key: Key[Array, ""],  # noqa: ARG002 - nothing is drawn
    ) -> Float[Array, "B g"]:
        return replay.buffer.read(replay.state, anchors.time, anchors.lane).goal


class FinalState(AbstractRelabelling):
    """The last state of the same episode, or its newest while it still runs.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (final).
    """

    def __call__(
        self,
        replay: Replay,
        anchors: TransitionIndex,
        key: Key[Array, ""],  # noqa: ARG002 - nothing is drawn
    ) -> Float[Array, "B g"]:
        return replay.achieved(anchors.time + anchors.steps_left, anchors.lane)


class UniformFuture(AbstractRelabelling):
    """A later state of the same episode, each equally likely.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (future).
    """

    def __call__(
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        ahead = jax.random.randint(key, anchors.time.shape, 1, anchors.steps_left + 1)
        return replay.achieved(anchors.time + ahead, anchors.lane)


class EpisodeState(AbstractRelabelling):
    """Any state of the same episode that is still in the buffer, earlier ones included.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (episode).
    """

    def __call__(
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        before = replay.buffer.steps_before(replay.state, anchors.time, anchors.lane)
        offset = jax.random.randint(key, anchors.time.shape, -before, anchors.steps_left + 1)
        return replay.achieved(anchors.time + offset, anchors.lane)


class RandomState(AbstractRelabelling):
    """Any state in the buffer: what the policy comes by, whatever it was doing.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (random).
    """

    def __call__(
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        time_key, lane_key = jax.random.split(key)
        written, lanes = replay.state.written, replay.state.rows.episode.shape[1]
        oldest = jnp.maximum(written - replay.buffer.capacity, 0)
        time = jax.random.randint(time_key, anchors.time.shape, oldest, written)
        lane = jax.random.randint(lane_key, anchors.lane.shape, 0, lanes)
        return replay.achieved(time, lane)


class Mixture(AbstractRelabelling):
    """One relabelling for a share of the transitions, another for the rest.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, where with k goals added to
    each commanded one the share is k / (k + 1).
    """

    first: AbstractRelabelling
    second: AbstractRelabelling
    share: float = eqx.field(static=True)

    def __init__(
        self,
        first: AbstractRelabelling,
        second: AbstractRelabelling,
        share: Annotated[float, Between(0, 1)] = 0.8,
    ):
        """Args:
            first: for a random share of the transitions.
            second: for all others.
            share: chance of the first.

        Raises:
            SettingError: `share` is not between 0 and 1.
        """
        check(Mixture, share=share)
        self.first, self.second, self.share = first, second, share

    def __call__(
        self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        coin_key, first_key, second_key = jax.random.split(key, 3)
        first = self.first(replay, anchors, first_key)
        second = self.second(replay, anchors, second_key)
        coin = jax.random.bernoulli(coin_key, self.share, (first.shape[0], 1))
        return jnp.where(coin, first, second)

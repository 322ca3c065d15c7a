"""Relabelling: rules that choose the goals with which stored transitions are trained."""

import abc
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from components.constraints import Between, Discount, check
from components.replay.batch import Replay
from components.replay.trajectory_buffer import TransitionIndex


class Relabelling(eqx.Module):
    """Chooses a goal for every transition of a batch."""

    @abc.abstractmethod
    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        """Return goals for the transitions at `index`."""


def truncated_geometric(
    key: Key[Array, ""], longest: Int[Array, " B"], discount: float
) -> Int[Array, " B"]:
    r"""Draw $k \in \{1, \dots, n\}$ with $P(k) \propto \gamma^k$, in O(1) by inverting the CDF.

    $F(k) = (1 - \gamma^k) / (1 - \gamma^n)$, so $k = \lceil \log(1 - u F_n) / \log \gamma \rceil$
    with $F_n = 1 - \gamma^n$ and $u$ uniform in [0, 1).

    Args:
        key: random key.
        longest: upper bound n of each draw, at least 1.
        discount: gamma, in (0, 1).
    """
    log_discount = jnp.log(jnp.float32(discount))
    mass = -jnp.expm1(longest.astype(jnp.float32) * log_discount)
    u = jax.random.uniform(key, longest.shape)
    k = jnp.ceil(jnp.log1p(-u * mass) / log_discount)
    return jnp.clip(k.astype(jnp.int32), 1, longest)


class GeometricFuture(Relabelling):
    """Chooses a later state of the same episode, k steps ahead with P(k) proportional to gamma^k.

    The draw is truncated at the end of the episode, or at its newest row while it still runs.

    Reference: Eysenbach et al., "Contrastive Learning as Goal-Conditioned Reinforcement Learning",
    2022, section 3 (the discounted state occupancy measure).
    """

    discount: float = eqx.field(static=True)

    def __init__(self, discount: Discount = 0.99):
        """Args:
            discount: gamma per environment step.

        Raises:
            SettingError: `discount` is not between 0 and 1.
        """
        check(GeometricFuture, discount=discount)
        self.discount = discount

    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        ahead = truncated_geometric(key, index.steps_left, self.discount)
        return replay.achieved_goals(index.time + ahead, index.env)


class Commanded(Relabelling):
    """Keeps the goal that the episode was commanded to reach."""

    def __call__(
        self,
        replay: Replay,
        index: TransitionIndex,
        key: Key[Array, ""],  # noqa: ARG002 - nothing is drawn
    ) -> Float[Array, "B g"]:
        return replay.buffer.read(replay.state, index.time, index.env).goal


class FinalState(Relabelling):
    """Chooses the last state of the same episode, or its newest while it still runs.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (final).
    """

    def __call__(
        self,
        replay: Replay,
        index: TransitionIndex,
        key: Key[Array, ""],  # noqa: ARG002 - nothing is drawn
    ) -> Float[Array, "B g"]:
        return replay.achieved_goals(index.time + index.steps_left, index.env)


class UniformFuture(Relabelling):
    """Chooses a later state of the same episode, each equally likely.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (future).
    """

    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        ahead = jax.random.randint(key, index.time.shape, 1, index.steps_left + 1)
        return replay.achieved_goals(index.time + ahead, index.env)


class EpisodeState(Relabelling):
    """Chooses any state of the same episode that is still in the buffer, earlier ones included.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (episode).
    """

    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        before = replay.buffer.steps_before(replay.state, index.time, index.env)
        offset = jax.random.randint(key, index.time.shape, -before, index.steps_left + 1)
        return replay.achieved_goals(index.time + offset, index.env)


class RandomState(Relabelling):
    """Chooses any state in the buffer, from any episode.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017, section 4.5 (random).
    """

    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        time_key, env_key = jax.random.split(key)
        written, num_envs = replay.state.written, replay.state.rows.episode.shape[1]
        oldest = jnp.maximum(written - replay.buffer.capacity, 0)
        time = jax.random.randint(time_key, index.time.shape, oldest, written)
        env = jax.random.randint(env_key, index.env.shape, 0, num_envs)
        return replay.achieved_goals(time, env)


class Mixture(Relabelling):
    """Relabels a random share of the transitions by one rule and the rest by another.

    Reference: Andrychowicz et al., "Hindsight Experience Replay", 2017. Their k hindsight goals for
    each commanded goal are a share of k / (k + 1).
    """

    first: Relabelling
    second: Relabelling
    share: float = eqx.field(static=True)

    def __init__(
        self,
        first: Relabelling,
        second: Relabelling,
        share: Annotated[float, Between(0, 1)] = 0.8,
    ):
        """Args:
            first: rule for a random share of the transitions.
            second: rule for all others.
            share: probability of the first rule.

        Raises:
            SettingError: `share` is not between 0 and 1.
        """
        check(Mixture, share=share)
        self.first, self.second, self.share = first, second, share

    def __call__(
        self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]
    ) -> Float[Array, "B g"]:
        coin_key, first_key, second_key = jax.random.split(key, 3)
        first = self.first(replay, index, first_key)
        second = self.second(replay, index, second_key)
        coin = jax.random.bernoulli(coin_key, self.share, (first.shape[0], 1))
        return jnp.where(coin, first, second)

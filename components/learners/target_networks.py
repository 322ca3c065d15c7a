"""Target networks: copies that follow the trained ones slowly."""

from typing import Annotated, NamedTuple, TypeVar

import equinox as eqx
import jax

from components.constraints import Between, check

Module = TypeVar("Module")


class Targets(NamedTuple):
    """Lagging networks; None for those that are not kept."""

    actor: eqx.Module | None
    critic: eqx.Module | None


def polyak(target: Module, trained: Module, rate: float) -> Module:
    r"""Return $(1 - \tau) \bar\theta + \tau \theta$ for every floating-point array."""

    def average(old, new):
        return old + rate * (new - old) if eqx.is_inexact_array(old) else new

    return jax.tree.map(average, target, trained)


class Polyak(eqx.Module):
    r"""Moves targets a fraction tau of the way to the trained networks at every update.

    Reference: Lillicrap et al., "Continuous control with deep reinforcement learning", 2016,
    algorithm 1.
    """

    rate: float = eqx.field(static=True)
    actor: bool = eqx.field(static=True)

    def __init__(self, rate: Annotated[float, Between(0, 1)] = 0.005, actor: bool = False):
        """Args:
            rate: tau.
            actor: keep a target of the policy too, as TD3 and DDPG do.

        Raises:
            SettingError: `rate` is not between 0 and 1.
        """
        check(Polyak, rate=rate)
        self.rate = rate
        self.actor = actor

    def init(self, actor: eqx.Module, critic: eqx.Module | None) -> Targets:
        """Return targets equal to the networks."""
        return Targets(actor if self.actor else None, critic)

    def update(self, targets: Targets, actor: eqx.Module, critic: eqx.Module | None) -> Targets:
        """Return the targets after one more update of the networks."""
        lagging = polyak(targets.actor, actor, self.rate) if self.actor else None
        return Targets(lagging, polyak(targets.critic, critic, self.rate))

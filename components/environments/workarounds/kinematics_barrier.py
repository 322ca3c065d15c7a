"""Keeps XLA from computing an arm's links repeatedly.

MJX walks along a robot's links from the base outwards, each link from the one before. XLA's CPU
compiler fuses such a chain into one kernel in which every link computes all those before it again,
several times each: the cost grows exponentially with the length of the arm, and the seven joints of
the Panda take thousands of times as long as with a barrier after each link. Results do not change.
Robots with few links get no barriers, because they are faster without.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import mujoco

from components.environments.workarounds.announced import announce_workaround, is_switched_off
from components.environments.workarounds.quiet_mjx import scan

OPT_OUT = "KILOLAYER_NO_KINEMATICS_BARRIER"
_LONG = 6
# Threads trace at the same time, so whether MJX's walks have barriers belongs to the context.
_has_barriers: ContextVar[bool] = ContextVar("_has_barriers", default=False)


def has_long_chain(model: mujoco.MjModel) -> bool:
    """Return whether some body has six others or more between itself and the world."""
    depth = [0] * model.nbody
    for body in range(1, model.nbody):
        depth[body] = depth[model.body_parentid[body]] + 1
    return max(depth) > _LONG


@contextlib.contextmanager
def barriers_between_links() -> Iterator[None]:
    """Put a barrier after each link that MJX walks along while this context traces it.

    Does nothing if the environment variable `KILOLAYER_NO_KINEMATICS_BARRIER` is set.
    """
    if is_switched_off(OPT_OUT):
        yield
        return
    announce_workaround(
        "MJX's walks along a long chain of links get an optimisation barrier after each link.",
        OPT_OUT,
    )
    token = _has_barriers.set(True)
    try:
        yield
    finally:
        _has_barriers.reset(token)


def _walk_with_barriers(walk: Callable) -> Callable:
    """Return MJX's walk along bodies with barriers in the contexts that ask for them."""

    @functools.wraps(walk)
    def walk_bodies(model: Any, link: Callable, *args: Any, **options: Any) -> Any:
        if not _has_barriers.get():
            return walk(model, link, *args, **options)
        return walk(model, lambda *x: jax.lax.optimization_barrier(link(*x)), *args, **options)

    return walk_bodies


# All of MJX's walks along bodies call `body_tree`, which has no public hook. It is replaced once
# and for good: putting the original back would race with another thread that is tracing.
scan.body_tree = _walk_with_barriers(scan.body_tree)

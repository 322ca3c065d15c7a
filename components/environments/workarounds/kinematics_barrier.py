"""Keeps XLA from working out an arm's links over and over.

MJX goes through a robot's links from the base outwards, each from the one before. XLA's CPU
compiler fuses such a chain into one kernel in which every link computes all those before it again,
several times each: the cost grows exponentially with the length of the arm. For the seven joints of
the Panda, the kinematics of 64 environments took 0.85 s on one core; with a barrier after each link
they take 0.0001 s. Results do not change. Robots of few links are left to the compiler, which is
then the faster: the ant made 11,000 steps per second without barriers and 9,400 with them.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import mujoco

from components.environments.workarounds.quiet_mjx import scan

_LONG = 6


def has_long_chain(model: mujoco.MjModel) -> bool:
    """Whether some body hangs on six others or more, one on the other."""
    depth = [0] * model.nbody
    for body in range(1, model.nbody):
        depth[body] = depth[model.body_parentid[body]] + 1
    return max(depth) > _LONG


@contextlib.contextmanager
def barriers_between_links() -> Iterator[None]:
    """While MJX is traced, put a barrier after each link.

    `body_tree` is what all of MJX's walks along bodies go through; it has no public hook.
    """
    walk = scan.body_tree

    def walk_with_barriers(model: Any, link: Callable, *args: Any, **options: Any) -> Any:
        return walk(model, lambda *x: jax.lax.optimization_barrier(link(*x)), *args, **options)

    scan.body_tree = walk_with_barriers
    try:
        yield
    finally:
        scan.body_tree = walk

"""Bounds the space that MuJoCo-Warp needs for the contacts of a robot.

Its contacts and constraint rows lie in buffers of fixed size. A robot gets space for everything
that can touch at once, so these are bounds by the shapes of its geoms: usual states need a third.
"""

from collections.abc import Iterator
from typing import NamedTuple

import mujoco
import numpy as np

# A geom touches no more than these of the boxes that never move, such as the walls of a maze.
_WALLS = 4
# Rows of a contact in pyramidal friction cones, by its number of dimensions.
_ROWS = {1: 1, 3: 4, 4: 6, 6: 10}
_SPHERE, _CAPSULE = mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CAPSULE
_PLANE, _BOX = mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX
_EQUALITY_ROWS = {mujoco.mjtEq.mjEQ_CONNECT: 3, mujoco.mjtEq.mjEQ_WELD: 6}


class Sizes(NamedTuple):
    """Sizes of buffers.

    Attributes:
        contacts: per environment, on average over all that are stepped together.
        constraints: rows of each environment, four for a contact with friction.
    """

    contacts: int
    constraints: int


def bound_sizes(model: mujoco.MjModel) -> Sizes:
    """Return space for all that can touch in a model, and for its limits and equalities."""
    contacts, rows = 0, _count_other_rows(model)
    walls: dict[int, list[Sizes]] = {}
    for first, second, dimensions in _pairs(model):
        points = _points(int(model.geom_type[first]), int(model.geom_type[second]))
        size = Sizes(points, points * _ROWS[dimensions])
        mover = _mover_at_wall(model, first, second)
        if mover is None:
            contacts, rows = contacts + size.contacts, rows + size.constraints
        else:
            walls.setdefault(mover, []).append(size)
    for sizes in walls.values():
        largest = sorted(sizes, reverse=True)[:_WALLS]
        contacts += sum(size.contacts for size in largest)
        rows += sum(size.constraints for size in largest)
    return Sizes(max(1, contacts), max(1, rows))


def _points(first: int, second: int) -> int:
    """Return the largest number of points in which two shapes touch."""
    shapes = {first, second}
    if _SPHERE in shapes:
        return 1
    if _CAPSULE in shapes and shapes <= {_CAPSULE, _PLANE, _BOX}:
        return 2
    return 4 if shapes == {_PLANE, _BOX} else 8


def _pairs(model: mujoco.MjModel) -> Iterator[tuple[int, int, int]]:
    """Yield the pairs of geoms that can touch, each with the dimensions of its contacts."""
    for pair in range(model.npair):
        yield int(model.pair_geom1[pair]), int(model.pair_geom2[pair]), int(model.pair_dim[pair])
    kind, affinity, body = model.geom_contype, model.geom_conaffinity, _welded_bodies(model)
    for first in range(model.ngeom):
        allowed = (kind[first] & affinity) | (kind & affinity[first])
        apart = (body != body[first]) & ~_are_linked(model, body, first)
        for second in np.flatnonzero((allowed != 0) & apart):
            if second > first:
                yield first, int(second), _dimensions(model, first, int(second))


def _welded_bodies(model: mujoco.MjModel) -> np.ndarray:
    """Return the body of each geom, or the one that this body cannot move against."""
    return model.body_weldid[model.geom_bodyid]


def _are_linked(model: mujoco.MjModel, body: np.ndarray, geom: int) -> np.ndarray:
    """Return which geoms belong to the next body in a chain; the world is in none."""
    parent = model.body_weldid[model.body_parentid]
    linked = (parent[body] == body[geom]) | (parent[body[geom]] == body)
    return linked & (body != 0) & (body[geom] != 0)


def _dimensions(model: mujoco.MjModel, first: int, second: int) -> int:
    priority, dimensions = model.geom_priority, model.geom_condim
    if priority[first] == priority[second]:
        return int(max(dimensions[first], dimensions[second]))
    return int(dimensions[first if priority[first] > priority[second] else second])


def _mover_at_wall(model: mujoco.MjModel, first: int, second: int) -> int | None:
    """Return the geom that moves if the other is a box that never does, else None."""
    is_static = _welded_bodies(model) == 0
    for mover, wall in ((first, second), (second, first)):
        if is_static[wall] and not is_static[mover] and model.geom_type[wall] == _BOX:
            return mover
    return None


def _count_other_rows(model: mujoco.MjModel) -> int:
    """Return the rows of equalities, of friction in joints and tendons, and of their limits."""
    equalities = sum(_EQUALITY_ROWS.get(mujoco.mjtEq(kind), 1) for kind in model.eq_type)
    friction = np.sum(model.dof_frictionloss > 0) + np.sum(model.tendon_frictionloss > 0)
    # A joint narrower than twice its margin can be at both limits.
    limits = 2 * (np.sum(model.jnt_limited) + np.sum(model.tendon_limited))
    return equalities + int(friction) + int(limits)

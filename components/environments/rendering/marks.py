"""Draw goals."""

import mujoco
import numpy as np

from components.environments.rendering.camera import Mark

GREEN = (0.16, 0.62, 0.25)
THICKNESS = 0.04


def mark_goal(goal: np.ndarray, radius: float) -> list[Mark]:
    """Return green marks of the region that counts as reached.

    A goal of one number is a position along x, drawn as a strip across the floor; two are a place
    on the floor, drawn as a disc; more are points in space, three numbers each, drawn as spheres. A
    remainder (the opening of a gripper) is not drawn.

    Args:
        goal: (g,) (metres).
        radius: of success (metres).
    """
    if goal.size == 1:
        return [_flat(mujoco.mjtGeom.mjGEOM_BOX, [radius, 3 * radius], [goal[0], 0])]
    if goal.size == 2:
        return [_flat(mujoco.mjtGeom.mjGEOM_CYLINDER, [radius], goal)]
    points = goal[: goal.size // 3 * 3].reshape(-1, 3)
    sphere, size = mujoco.mjtGeom.mjGEOM_SPHERE, np.full(3, radius)
    return [Mark(sphere, size, point, (*GREEN, 0.35)) for point in points]


def _flat(kind: mujoco.mjtGeom, extent: list[float], place: np.ndarray | list[float]) -> Mark:
    """Return a mark of this horizontal size that lies on the floor at x and y."""
    half = min(THICKNESS, extent[0] / 4) / 2
    size = np.zeros(3)
    size[: len(extent) + 1] = [*extent, half]
    return Mark(kind, size, np.array([*place, half]), (*GREEN, 0.6))

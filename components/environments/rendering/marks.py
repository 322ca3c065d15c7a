"""How a goal is drawn."""

import mujoco
import numpy as np

from components.environments.rendering.camera import Mark

GREEN = (0.16, 0.62, 0.25)
THICKNESS = 0.04


def mark_goal(goal: np.ndarray, radius: float) -> list[Mark]:
    """What counts as reached, in green: where the robot is to be.

    A goal of one number is a position along x: a strip across the floor. Two are a place on the
    floor: a disc. More are points in space, three numbers each: spheres; what is left over (an
    opening of a gripper) is no place.

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
    """Something that lies on the floor, of this horizontal size, at x and y."""
    half = min(THICKNESS, extent[0] / 4) / 2
    size = np.zeros(3)
    size[: len(extent) + 1] = [*extent, half]
    return Mark(kind, size, np.array([*place, half]), (*GREEN, 0.6))

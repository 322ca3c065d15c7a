"""Two slide joints, for bodies that move in the plane and never turn."""

import mujoco


def add_plane_slides(
    body: mujoco.MjsBody, names: tuple[str, str], armature: float, damping: float
) -> None:
    """Let a body slide along world x and y at constant height, without end stops.

    Args:
        body: the body.
        names: of the joint along x and of the joint along y.
        armature: mass added to each joint (kg).
        damping: of each joint (N s/m).
    """
    for name, axis in zip(names, ([1, 0, 0], [0, 1, 0]), strict=True):
        body.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=axis,
            armature=armature,
            damping=damping,
            limited=mujoco.mjtLimited.mjLIMITED_FALSE,
        )

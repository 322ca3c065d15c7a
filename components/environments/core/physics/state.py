"""Defines the state that every engine carries from step to step, and the kinematics of it."""

from typing import NamedTuple

from jaxtyping import Array, Float


class PhysicsState(NamedTuple):
    """The simulation state carried from one step to the next.

    Attributes:
        qpos: generalised positions (metres, radians, unit quaternions).
        qvel: generalised velocities.
        warmstart: accelerations from which the constraint solver starts.
        ctrl: latest actuator settings; zero in an initial state.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    warmstart: Float[Array, " nv"]
    ctrl: Float[Array, " nu"]


class Kinematics(NamedTuple):
    """Poses, inertias and forces derived from a `PhysicsState`, in world coordinates.

    Attributes:
        xpos: positions of body frames (metres).
        xmat: their orientations.
        geom_xpos: centres of geoms (metres).
        site_xpos: positions of sites (metres).
        cinert: inertia of each body about the centre of mass of its tree: six entries of the tensor
            (xx, yy, zz, xy, xz, yz), mass times offset (3), mass.
        cvel: velocity of each body there: angular (3), then linear (3).
        subtree_com: centre of mass of each body with its descendants (metres).
        actuator_force: force of each actuator (N or N m).
        qfrc_actuator: the same along the degrees of freedom.
    """

    xpos: Float[Array, "bodies 3"]
    xmat: Float[Array, "bodies 3 3"]
    geom_xpos: Float[Array, "geoms 3"]
    site_xpos: Float[Array, "sites 3"]
    cinert: Float[Array, "bodies 10"]
    cvel: Float[Array, "bodies 6"]
    subtree_com: Float[Array, "bodies 3"]
    actuator_force: Float[Array, " nu"]
    qfrc_actuator: Float[Array, " nv"]

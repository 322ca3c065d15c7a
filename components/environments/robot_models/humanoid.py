"""The humanoid: Gymnasium's MIT-licensed model, edited for MJX in memory."""

import mujoco
import numpy as np

from components.environments.core.ground import add_floor
from components.environments.mazes.walls import FLOOR_BIT, WALL_BIT, Boxes, add_walls
from components.environments.robot_models.gymnasium_models import gymnasium_model

TIMESTEP = 0.005
SUBSTEPS = 3
WALL_HEIGHT = 1.0
NEAREST_WALLS = 3
# No part of the humanoid is further from its root than this (metres).
REACH = 1.4
MAX_CONTACTS = 12
# The motors' settings are limited to this.
STRENGTH = 0.4

TRUNK = ("torso1", "uwaist", "lwaist", "butt")
LEGS = ("thigh1", "shin1", "foot")
ENDS = ("head", "hand")


def humanoid_model(walls: Boxes | None = None) -> mujoco.MjModel:
    """Build the humanoid on a floor, among these walls if any.

    Changes to Gymnasium's model and their reasons (speeds: 256 environments on one CPU core):

    - Euler integration with implicit damping at 0.005 s, not Runge-Kutta: after 0.015 s under
      random torques joints are off by 0.010 rad (median of the worst joint); steps of 0.003 s with
      explicit damping cost as much and are off by 0.014 rad.
    - Newton's method with 2 iterations of 2 line-search steps: 12,300 environment steps per second
      and, for three quarters of all steps under random actions, no error against the converged
      solver; for one in ten, 0.01 rad or more. 1 x 4 is off by 0.01 rad in a quarter of all steps;
      4 x 4 is exact and makes 7,700.
    - Only the feet touch the floor: nothing else reaches it while the torso is 1 m above it.
    - Feet, shins, thighs, hands, head and massless spheres in the elbows and along the trunk touch
      walls; with friction, unlike other robots' walls, so that they can be climbed. With these 15
      parts 256 humanoids in the big maze make 5,000 environment steps per second; with all 17 geoms
      unchanged they take half as long again.
    - The physics has the three nearest walls: the feet are up to 1.3 m away from the torso. Only
      the 12 deepest contacts are kept (a humanoid that lies on a wall has up to 9).
    - The feet are part of the shins, so that there are 11 links; the tendons, which drive nothing,
      are gone; nothing touches itself.

    The left knee keeps its spring (1 N m/rad), which the right one lacks.
    """
    spec = gymnasium_model("humanoid.xml")
    _strip(spec)
    _set_options(spec)
    _set_contacts(spec)
    add_floor(spec, conaffinity=FLOOR_BIT)
    if walls is not None:
        add_walls(spec, walls, WALL_HEIGHT)
        spec.add_numeric(name="max_contact_points", data=[MAX_CONTACTS])
    return spec.compile()


def _strip(spec: mujoco.MjSpec) -> None:
    """Delete scenery and tendons; bodies without joints become part of their parents."""
    spec.default.geom.margin, spec.default.geom.material = 0.0, ""
    spec.delete(spec.geom("floor"))
    spec.delete(spec.worldbody.first_light())
    for tendon in list(spec.tendons):
        spec.delete(tendon)
    spec.compiler.fusestatic = True


def _set_options(spec: mujoco.MjSpec) -> None:
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    spec.option.timestep = TIMESTEP
    spec.option.iterations = 2
    spec.option.ls_iterations = 2


def _set_contacts(spec: mujoco.MjSpec) -> None:
    """Let feet touch floor and walls, and whatever else can meet a wall touch walls."""
    for geom in list(spec.geoms):
        geom.contype, geom.conaffinity, geom.margin, geom.material = 0, 0, 0.0, ""
        if geom.name.endswith((*LEGS, *ENDS)):
            _touch(geom, WALL_BIT)
        elif geom.name in TRUNK:
            _add_ball(geom, 0.5)
        elif geom.name.endswith("uarm1"):
            _add_ball(geom, 1.0)
        if geom.name.endswith("foot"):
            _touch(geom, FLOOR_BIT | WALL_BIT)


def _touch(geom: mujoco.MjsGeom, bits: int) -> None:
    # Priority over the walls, which are smooth.
    geom.contype, geom.condim, geom.priority = bits, 3, 2


def _add_ball(capsule: mujoco.MjsGeom, along: float) -> None:
    """Add a massless sphere, as thick as a capsule, on its axis; `along` runs from 0 to 1."""
    start, end = np.split(np.array(capsule.fromto), 2)
    ball = capsule.parent.add_geom(
        name=f"ball_{capsule.name}",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        pos=start + along * (end - start),
        size=[capsule.size[0], 0, 0],
        mass=0,
        rgba=capsule.rgba,
        conaffinity=0,
    )
    _touch(ball, WALL_BIT)

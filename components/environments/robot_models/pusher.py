"""The pusher: Gymnasium's MIT-licensed arm with a fork and a puck, edited for MJX in memory."""

import mujoco

from components.environments.core.ground import add_floor
from components.environments.robot_models.gymnasium_models import gymnasium_model

TIMESTEP = 0.01
SUBSTEPS = 5
JOINTS = 7
TABLE_HEIGHT = -0.325
OBJECT_HEIGHT = -0.275
OBJECT_RADIUS = 0.05
OBJECT_MASS = 0.04
# The shoulder's vertical axis (x, y), and the range of distances from it in which the fork pushes.
SHOULDER = (0.0, -0.6)
NEAREST, FARTHEST = 0.25, 0.85
# Contact bits: fork against object, prongs against table.
_OBJECT, _TABLE = 1, 2


def pusher_model() -> mujoco.MjModel:
    """Build the arm above a table without gravity, and an object that slides on the table.

    Changes to Gymnasium's model (`pusher_v5.xml`) and their reasons:

    - The goal is not part of it: its body and two joints are gone.
    - The object is a sphere instead of a cylinder, which MJX cannot push. It slides in the
      plane, so that its joints are x and y in the world (y first, as Gymnasium has them), without
      limits.
    - The object has a mass of 0.04 kg; in Gymnasium's model it has 8 mg, and joints with an
      armature of 0.04 kg. It moves alike in the plane, but MuJoCo softens contacts as for 8 mg,
      so that a slow fork passes through the object.
    - The object touches the three capsules of the fork, the table only the two prongs, whose four
      ends are the corners of the fork.
    - Bodies without a joint are merged with their parents: the chain has 7 links, not 10.
    - Newton's method with 3 iterations of 4 line-search steps: 13,400 environment steps per second
      (384 environments on one CPU core). From 1,200 states around contact, under random actions,
      no step is further than 2e-5 rad or m from the converged solver. 2 x 4 makes 16,900 and is
      now and then off by 0.3 m, 1 x 4 25,000 and 0.4 rad. Damping stays implicit: made explicit
      it costs 5e-4 rad in every step.
    """
    spec = gymnasium_model("pusher_v5.xml")
    spec.delete(spec.body("goal"))
    spec.delete(spec.geom("table"))
    spec.delete(spec.worldbody.first_light())
    spec.compiler.fusestatic = True
    spec.option.timestep = TIMESTEP
    spec.option.iterations = 3
    spec.option.ls_iterations = 4
    _set_contacts(spec)
    _set_object(spec.body("object"))
    add_floor(spec, conaffinity=_TABLE)
    table = spec.geom("floor")
    table.pos, table.condim = [0, 0, TABLE_HEIGHT], 1
    return spec.compile()


def _set_contacts(spec: mujoco.MjSpec) -> None:
    crossbar, *prongs = list(spec.body("r_wrist_roll_link").geoms)
    for geom in list(spec.geoms):
        geom.contype, geom.conaffinity = 0, 0
    crossbar.contype = _OBJECT
    for prong in prongs:
        prong.contype = _OBJECT | _TABLE


def _set_object(body: mujoco.MjsBody) -> None:
    (cylinder,) = body.geoms
    cylinder.type = mujoco.mjtGeom.mjGEOM_SPHERE
    cylinder.size = [OBJECT_RADIUS, 0, 0]
    cylinder.mass = OBJECT_MASS
    cylinder.conaffinity = _OBJECT
    cylinder.rgba = [0.85, 0.4, 0.2, 1]
    body.pos = [0, 0, OBJECT_HEIGHT]
    for joint in body.joints:
        joint.limited = mujoco.mjtLimited.mjLIMITED_FALSE
        joint.armature = 0

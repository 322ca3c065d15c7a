"""The point mass: a sphere with two motors, built without a model file."""

import mujoco

from components.environments.core.ground import add_floor
from components.environments.mazes.walls import WALL_BIT, Boxes, add_walls
from components.environments.robot_models.sliding_body import add_plane_slides

RADIUS = 0.25
GEAR = 5.0
DAMPING = 0.3
CONTROL_STEP = 0.2
SUBSTEPS = 16
WALL_HEIGHT = 2.0


def point_model(walls: Boxes) -> mujoco.MjModel:
    """Build the point among these walls; its qpos are its world x and y."""
    spec = mujoco.MjSpec()
    _set_options(spec)
    add_floor(spec)
    _add_point(spec)
    add_walls(spec, walls, WALL_HEIGHT)
    return spec.compile()


def _set_options(spec: mujoco.MjSpec) -> None:
    """Leave only motors, damping and walls to act on the point: no gravity, a tiny solver."""
    spec.option.timestep = CONTROL_STEP / SUBSTEPS
    spec.option.iterations = 1
    spec.option.ls_iterations = 2
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_GRAVITY
    # Damping 1 at 0.0125 s is far from stiff.
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP


def _add_point(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="point", pos=[0, 0, 0.75])
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[RADIUS, 0, 0],
        density=5,
        rgba=[0.85, 0.4, 0.2, 1],
        contype=WALL_BIT,
        conaffinity=0,
    )
    add_plane_slides(body, ("x", "y"), armature=1, damping=DAMPING)
    for name in ("x", "y"):
        motor = spec.add_actuator(
            name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, ctrlrange=[-1, 1]
        )
        motor.ctrllimited = 1
        motor.gear[0] = GEAR

"""The reacher: Gymnasium's MIT-licensed model of an arm with two links, edited in memory."""

import mujoco

from components.environments.core.ground import add_floor
from components.environments.robot_models.gymnasium_models import gymnasium_model

TIMESTEP = 0.01
SUBSTEPS = 2
# Metres: between the joints, from the second joint to the tip, and of the tip above the floor.
UPPER, FORE, HEIGHT = 0.1, 0.11, 0.01


def reacher_model() -> mujoco.MjModel:
    """Build the arm on a floor, between four rails that touch nothing.

    Changes to Gymnasium's model and their reasons:

    - The goal is not part of it: the target body and its two joints are gone, and with them every
      contact.
    - Euler integration with explicit damping, not Runge-Kutta: each joint turns an armature of
      1 kg m^2 against 1 N m s, which is not stiff at a step of 0.01 s.
    - Newton's method with 1 iteration of 1 line-search step: the limit of the second joint is the
      only constraint, and one step solves it.

    The motors keep Gymnasium's gear, 200 N m: 4 rad/s more after a control step of full torque.
    """
    spec = gymnasium_model("reacher.xml")
    spec.delete(spec.body("target"))
    spec.delete(spec.geom("ground"))
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.timestep = TIMESTEP
    spec.option.iterations = 1
    spec.option.ls_iterations = 1
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP
    for geom in list(spec.geoms):
        geom.contype, geom.conaffinity = 0, 0
    add_floor(spec)
    return spec.compile()

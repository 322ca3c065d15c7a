"""The ant with a ball beside it."""

import mujoco

from components.environments.mazes.object_walls import (
    OBJECT_BIT,
    OBJECT_WALL_BIT,
    add_nearest_walls,
    add_shared_walls,
)
from components.environments.mazes.walls import Boxes
from components.environments.robot_models.ant import WALL_HEIGHT, ant_spec, let_touch
from components.environments.robot_models.sliding_body import add_plane_slides

BALL_RADIUS = 0.5
BALL_MASS = 0.576
# Entries of qpos that are x and y of the ball, after the ant's fifteen numbers.
BALL_COLUMNS = (15, 16)


def ant_ball_model(walls: Boxes | None = None) -> mujoco.MjModel:
    """Build the ant and the ball on a floor, among these walls if any.

    Changes beside those of `ant_model`: torso and feet touch the ball, legs pass through it, and
    the ball touches nothing else but walls. It moves on two slides with an armature of 1 kg and no
    damping, end stops or friction, as a ball that rolls freely: one constraint row per contact.

    With the ant's 2 x 2 iterations the ball is right to 4 mm for 95 of 100 steps in which it is
    struck (median 1e-6 m, at worst 0.03 m; compared with MuJoCo in C, converged). Environment steps
    per second of processor time, 256 environments on one core of a busy machine: 8,400 to 10,200,
    where the ant alone made 11,200 to 12,900; in the big maze 6,400, as the ant alone there.
    """
    spec = _spec()
    if walls is not None:
        add_shared_walls(spec, walls, WALL_HEIGHT)
    return spec.compile()


def ant_ball_physics_model(walls: Boxes) -> mujoco.MjModel:
    """Build the same with two walls for the ant and two for the ball, which follow them."""
    spec = _spec()
    add_nearest_walls(spec, walls, walls, WALL_HEIGHT)
    return spec.compile()


def _spec() -> mujoco.MjSpec:
    spec = ant_spec()
    let_touch(spec, ("torso", "foot"), OBJECT_BIT)
    _add_ball(spec)
    return spec


def _add_ball(spec: mujoco.MjSpec) -> None:
    """Add a ball on two slides without a hinge: it glides at constant height without friction."""
    body = spec.worldbody.add_body(name="ball", pos=[0, 0, BALL_RADIUS])
    body.add_geom(
        name="ball",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[BALL_RADIUS, 0, 0],
        mass=BALL_MASS,
        rgba=[0.85, 0.4, 0.2, 1],
        contype=OBJECT_WALL_BIT,
        conaffinity=OBJECT_BIT,
        condim=1,
        priority=1,
    )
    add_plane_slides(body, ("ball_x", "ball_y"), armature=1, damping=0)

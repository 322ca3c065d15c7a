"""The ant and a large block that it can push, among fixed blocks."""

import mujoco

from components.environments.mazes.object_walls import (
    OBJECT_BIT,
    OBJECT_WALL_BIT,
    add_nearest_walls,
    add_shared_walls,
)
from components.environments.mazes.walls import Boxes
from components.environments.robot_models.ant import ant_spec, let_touch
from components.environments.robot_models.sliding_body import add_plane_slides

WALL_HEIGHT = 4.0
BLOCK_HALF = 3.6
BLOCK_HEIGHT = 3.6
BLOCK_MASS = 0.1
BLOCK_DAMPING = 1.0
# Entries of qpos that are x and y of the block, after the ant's fifteen numbers.
BLOCK_COLUMNS = (15, 16)
# Of the sphere at the block's centre that stands for the block among its walls.
CORE_RADIUS = 0.2
DENSITY = 40.0
ITERATIONS = 3
SOLIMP = (0.995, 0.995, 0.01, 0.5, 2.0)


def ant_push_model(walls: Boxes) -> mujoco.MjModel:
    """Build the ant and the block among all fixed blocks, touching them as boxes do.

    Changes beside those of `ant_model`: geoms of eight times the density, so an ant of 7.29 kg, and
    harder contacts, as in the reference implementations. Torso and feet touch the block. The
    block has 0.1 kg on two slides with 1 N s/m, which brake it with a time constant of 0.1 s and
    resist a walking ant with a newton or two.

    Newton's method with 3 iterations of 2 line-search steps: for 95 of 100 steps under random
    actions the ant ends within 0.012 m of where MuJoCo in C does (2 x 2: 0.049 m; 3 x 4 is no
    better than 3 x 2). Environment steps per second of processor time, 256 environments on one
    core of a busy machine: 6,100 (2 x 2: 6,600), where the ant alone made 11,500 to 12,900.
    """
    spec = _spec()
    spec.geom("block").contype = OBJECT_WALL_BIT
    add_shared_walls(spec, walls, WALL_HEIGHT)
    return spec.compile()


def ant_push_physics_model(walls: Boxes) -> mujoco.MjModel:
    """Build the same with two walls for the ant and two for the block, which follow them.

    Contacts between boxes are expensive in MJX, so a sphere at the block's centre meets the walls.
    """
    spec = _spec()
    _add_core(spec)
    add_nearest_walls(spec, walls, core_walls(walls), WALL_HEIGHT)
    return spec.compile()


def core_walls(walls: Boxes) -> Boxes:
    """Return walls, larger by half the block, that stop its core where `walls` stop the block.

    The block never turns, so it meets a wall when, and only when, its core meets these.
    """
    return Boxes(walls.centre, walls.half + (BLOCK_HALF - CORE_RADIUS))


def _spec() -> mujoco.MjSpec:
    spec = ant_spec()
    spec.option.iterations = ITERATIONS
    for geom in spec.geoms:
        geom.density, geom.solimp = DENSITY, SOLIMP
    let_touch(spec, ("torso", "foot"), OBJECT_BIT)
    _add_block(spec)
    return spec


def _add_block(spec: mujoco.MjSpec) -> None:
    """Add a block on two damped slides: it moves where it is pushed, and stops."""
    body = spec.worldbody.add_body(name="block", pos=[0, 0, BLOCK_HEIGHT / 2])
    body.add_geom(
        name="block",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[BLOCK_HALF, BLOCK_HALF, BLOCK_HEIGHT / 2],
        mass=BLOCK_MASS,
        rgba=[0.85, 0.4, 0.2, 1],
        contype=0,
        conaffinity=OBJECT_BIT,
        condim=1,
        priority=1,
    )
    add_plane_slides(body, ("block_x", "block_y"), armature=0, damping=BLOCK_DAMPING)


def _add_core(spec: mujoco.MjSpec) -> None:
    spec.body("block").add_geom(
        name="core",
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[CORE_RADIUS, 0, 0],
        mass=0,
        contype=OBJECT_WALL_BIT,
        conaffinity=0,
    )

"""The Panda at a table, with the objects of its tasks.

Contacts are listed pair by pair, since MJX pays for each, touching or not. What grips or slides
has friction 1 (cube on table, cube in fingers); everything else pushes only. Bin walls meet the
cube as the sphere inside it: its faces are held, its corners can dip into a wall by 1 cm. Contacts
are stiff (time constant 0.01 s, impedance 0.98): with MuJoCo's defaults a held cube slips 5 mm each
second, so 0.5 mm.

Ten steps of 0.005 s, Euler integration, Newton's method with 4 iterations of 8 line-search steps:
no different from a converged solver when the cube is gripped, lifted and swung, nor in 298 of 300
random control steps. With 3 x 6 the lifted cube ends 7 mm from where it should, with 2 x 6 it is
flung away. 256 environments on one CPU core make, under random actions, 2,560 environment steps per
second when pushing, 1,830 with two bins, 1,800 with the hand alone, and 5,800 when reaching
(physics without what is observed).
"""

from typing import NamedTuple

import mujoco
import numpy as np

from components.environments.core.ground import add_floor
from components.environments.robot_models.panda import (
    HAND_OFFSET,
    HAND_TURN,
    add_arm,
    add_ball,
    add_fingers,
    add_hand,
    add_servo,
)
from components.environments.robot_models.panda_looks import (
    draw_arm,
    draw_hand,
    draw_rail,
    draw_square,
    draw_table,
)

TIMESTEP = 0.005
SUBSTEPS = 10
CUBE_HALF = 0.03
CUBE_MASS = 0.216
# Range of the flying hand along x, y, z (metres).
HAND_SPACE = ((-0.4, 0.4), (0.35, 0.85), (0.0, 0.3))
HAND_STIFFNESS, HAND_DAMPING, HAND_FORCE = 1000, 100, 87
# The hand's z axis points down, and its fingers open along x.
DOWNWARDS = (0, np.sqrt(0.5), np.sqrt(0.5), 0)
WALL_HALF_HEIGHT = 0.033
WALL_HALF_THICKNESS = 0.005
CUBE_COLOUR = (0.85, 0.27, 0.2, 1)
START_COLOUR = (0.95, 0.76, 0.35, 1)
GOAL_COLOUR = (0.55, 0.75, 0.55, 1)
BIN_COLOUR = (0.35, 0.45, 0.6, 1)
FINGERTIPS = ("left1", "right1")
PADS = ("left0", "left1", "right0", "right1")
PALM = ("palm0", "palm1", "palm2")


class Square(NamedTuple):
    """A square on the table (metres): a region of starts or of goals.

    Attributes:
        x: of its centre.
        y: of its centre.
        half: half its side.
    """

    x: float
    y: float
    half: float


class Bin(NamedTuple):
    """Four walls without a floor (metres).

    Attributes:
        x: of the centre.
        y: of the centre.
        half: from there to the middle of a wall.
    """

    x: float
    y: float
    half: float


def reach_model(drawn: bool = False) -> mujoco.MjModel:
    """Build the arm with a hand that has no fingers, and nothing on the table."""
    spec = _table(drawn)
    _add_arm_and_hand(spec)
    _touch_table(spec, ("wrist", *PALM))
    return _finish(spec, drawn)


def cube_model(
    start: Square | None = None,
    goal: Square | None = None,
    bins: tuple[Bin, ...] = (),
    drawn: bool = False,
) -> mujoco.MjModel:
    """Build the arm with its gripper, and a cube.

    Args:
        start: region in which the cube starts; only drawn.
        goal: region of its goals; only drawn.
        bins: on the table.
        drawn: add the shapes that are only seen.
    """
    spec = _table(drawn)
    add_fingers(spec, _add_arm_and_hand(spec))
    _add_cube(spec)
    _touch_table(spec, ("wrist", *PALM, *FINGERTIPS))
    _add_bins(spec, bins)
    if drawn:
        for square, colour in ((start, START_COLOUR), (goal, GOAL_COLOUR)):
            if square is not None:
                draw_square(spec, *square, colour)
    return _finish(spec, drawn)


def hand_model(bins: tuple[Bin, ...] = (), drawn: bool = False) -> mujoco.MjModel:
    """Build a gripper that flies without an arm, and a cube inside a fence.

    The hand points down; its first three positions are its world coordinates, and its servos stop
    at the edges of `HAND_SPACE`. The fence around that space stops the cube only.
    """
    spec = _table(drawn)
    add_fingers(spec, add_hand(_add_carriage(spec), 0.0, DOWNWARDS))
    _add_cube(spec)
    _touch_table(spec, (*PALM, *FINGERTIPS))
    _add_bins(spec, bins)
    _add_fence(spec, drawn)
    return _finish(spec, drawn)


def _table(drawn: bool) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.iterations, spec.option.ls_iterations = 4, 8
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 1],
        contype=0,
        conaffinity=0,
        group=3,
    )
    if drawn:
        add_floor(spec)
        draw_table(spec)
    return spec


def _finish(spec: mujoco.MjSpec, drawn: bool) -> mujoco.MjModel:
    if drawn:
        draw_arm(spec)
        draw_hand(spec)
    return spec.compile()


def _add_arm_and_hand(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    return add_hand(add_arm(spec), HAND_OFFSET, HAND_TURN)


def _add_carriage(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """Add the body from which the flying hand hangs: three slides, each with a servo."""
    carriage = spec.worldbody.add_body(name="carriage")
    for i, (name, limits) in enumerate(zip("xyz", HAND_SPACE, strict=True)):
        carriage.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=np.eye(3)[i],
            damping=[HAND_DAMPING, 0, 0],
        )
        add_servo(spec, name, HAND_STIFFNESS, limits, HAND_FORCE)
    return carriage


def _add_fence(spec: mujoco.MjSpec, drawn: bool) -> None:
    """Add four planes that stop the middle of the cube, and draw them as a low rail."""
    (left, right), (near, far), _ = HAND_SPACE
    for name, pos, normal in (
        ("left", (left, 0, 0), (1, 0, 0)),
        ("right", (right, 0, 0), (-1, 0, 0)),
        ("near", (0, near, 0), (0, 1, 0)),
        ("far", (0, far, 0), (0, -1, 0)),
    ):
        spec.worldbody.add_geom(
            name=f"fence_{name}",
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            pos=pos,
            zaxis=normal,
            size=[0, 0, 1],
            contype=0,
            conaffinity=0,
            group=3,
        )
        add_contact_pair(spec, f"fence_{name}", "core", 1)
    if drawn:
        draw_rail(spec, left, right, near, far)


def _add_cube(spec: mujoco.MjSpec) -> None:
    cube = spec.worldbody.add_body(name="cube", pos=[0, 0.6, CUBE_HALF])
    cube.add_freejoint()
    cube.add_geom(
        name="cube",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[CUBE_HALF] * 3,
        mass=CUBE_MASS,
        contype=0,
        conaffinity=0,
        rgba=CUBE_COLOUR,
    )
    add_ball(cube, "core", [0, 0, 0], CUBE_HALF)
    add_contact_pair(spec, "table", "cube", 3)
    for pad in PADS:
        add_contact_pair(spec, "cube", pad, 3)
    for palm in PALM:
        add_contact_pair(spec, "cube", palm, 1)


def _touch_table(spec: mujoco.MjSpec, names: tuple[str, ...]) -> None:
    for name in names:
        add_contact_pair(spec, "table", name, 1)


def _add_bins(spec: mujoco.MjSpec, bins: tuple[Bin, ...]) -> None:
    """Add the walls of bins, which the cube and the fingertips touch."""
    for i, where in enumerate(bins):
        for j, (dx, dy) in enumerate(((-1, 0), (1, 0), (0, -1), (0, 1))):
            name = f"bin{i}wall{j}"
            centre = (where.x + dx * where.half, where.y + dy * where.half)
            _add_wall(spec, name, centre, where.half, along_y=dx != 0)
            for other in ("core", *FINGERTIPS):
                add_contact_pair(spec, name, other, 1)


def _add_wall(
    spec: mujoco.MjSpec, name: str, centre: tuple[float, float], half: float, along_y: bool
) -> None:
    """Add one wall of a bin; those along y cover the corners."""
    thin = WALL_HALF_THICKNESS
    size = (thin, half + thin) if along_y else (half - thin, thin)
    spec.worldbody.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[*centre, WALL_HALF_HEIGHT],
        size=[*size, WALL_HALF_HEIGHT],
        contype=0,
        conaffinity=0,
        rgba=BIN_COLOUR,
    )


def add_contact_pair(spec: mujoco.MjSpec, first: str, second: str, condim: int) -> None:
    """Let two geoms meet: with friction 1 for condim 3, with none for condim 1."""
    pair = spec.add_pair(geomname1=first, geomname2=second, condim=condim)
    pair.friction = [1, 1, 0, 0, 0]
    pair.solref = [2 * TIMESTEP, 1]
    pair.solimp = [0.98, 0.98, 0.001, 0.5, 2]

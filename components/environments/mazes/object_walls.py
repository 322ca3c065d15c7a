"""Walls for an object that moves beside the robot.

The walls nearest to the robot are not those nearest to the object. The physics therefore has two
more boxes, which only the object touches and which follow the object as the others follow the robot
(see `walls`).
"""

from typing import NamedTuple

import mujoco
from jaxtyping import Array, Float

from components.environments.mazes.walls import (
    WALL_BIT,
    Boxes,
    WallMover,
    add_walls,
    first_walls,
    move_nearest_walls,
    move_walls_near,
)
from components.environments.workarounds.quiet_mjx import mjx

# Contact bits of the robot's parts that touch the object, and of walls that touch the object.
OBJECT_BIT = 4
OBJECT_WALL_BIT = 8
PREFIX = "object_wall"


def add_shared_walls(spec: mujoco.MjSpec, walls: Boxes, height: float) -> None:
    """Add walls that both the robot and the object touch."""
    add_walls(spec, walls, height)
    for i in range(len(walls.centre)):
        spec.geom(f"wall_{i}").conaffinity = WALL_BIT | OBJECT_WALL_BIT


def add_nearest_walls(
    spec: mujoco.MjSpec, walls: Boxes, object_walls: Boxes, height: float
) -> None:
    """Add placeholders for the walls nearest to the object and for those nearest to the robot.

    Args:
        spec: the model.
        walls: all walls, as they bound the robot.
        object_walls: all walls, as they bound the object.
        height: of the walls (metres).
    """
    add_walls(spec, first_walls(object_walls), height)
    for i in range(len(first_walls(object_walls).centre)):
        geom = spec.geom(f"wall_{i}")
        geom.name, geom.conaffinity = f"{PREFIX}_{i}", OBJECT_WALL_BIT
    add_walls(spec, first_walls(walls), height)


class BothMovers(NamedTuple):
    """Moves the walls of a robot and those of an object; a `ModelUpdate` of the physics."""

    follow_robot: WallMover
    follow_object: WallMover

    def __call__(self, model: mjx.Model, qpos: Float[Array, " nq"]) -> mjx.Model:
        return self.follow_object(self.follow_robot(model, qpos), qpos)


def move_both_walls(
    walls: Boxes, object_walls: Boxes, model: mujoco.MjModel, columns: tuple[int, int]
) -> BothMovers:
    """Return a function that moves the walls of `add_nearest_walls` to the robot and the object.

    Args:
        walls: all walls, as they bound the robot.
        object_walls: all walls, as they bound the object.
        model: compiled, with the placeholders.
        columns: entries of qpos that are x and y of the object.
    """
    follow_robot = move_nearest_walls(walls, model)
    return BothMovers(follow_robot, move_walls_near(columns, object_walls, model, PREFIX))

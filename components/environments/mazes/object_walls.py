"""Walls for an object beside the robot: the nearest ones to it, apart from the robot's own.

The robot's nearest walls are not the object's, so the physics has two more boxes, which only the
object touches, and which follow the object as the others follow the robot (see `walls`).
"""

import mujoco

from components.environments.mazes.walls import (
    WALL_BIT,
    Boxes,
    MoveWalls,
    add_walls,
    move_nearest,
    move_nearest_to,
    nearest,
)

# Contact bits: what the robot touches of the object, and what holds the object.
OBJECT_BIT = 4
OBJECT_WALL_BIT = 8
PREFIX = "object_wall"


def add_shared_walls(spec: mujoco.MjSpec, walls: Boxes, height: float) -> None:
    """Walls that hold the robot and the object alike."""
    add_walls(spec, walls, height)
    for i in range(len(walls.centre)):
        spec.geom(f"wall_{i}").conaffinity = WALL_BIT | OBJECT_WALL_BIT


def add_nearest_walls(
    spec: mujoco.MjSpec, walls: Boxes, object_walls: Boxes, height: float
) -> None:
    """Places for the walls nearest to the robot, then for those nearest to the object.

    Args:
        spec: the model.
        walls: all walls, as the robot meets them.
        object_walls: all walls, as the object meets them.
        height: of the walls (metres).
    """
    add_walls(spec, nearest(object_walls), height)
    for i in range(len(nearest(object_walls).centre)):
        geom = spec.geom(f"wall_{i}")
        geom.name, geom.conaffinity = f"{PREFIX}_{i}", OBJECT_WALL_BIT
    add_walls(spec, nearest(walls), height)


def move_both(
    walls: Boxes, object_walls: Boxes, model: mujoco.MjModel, columns: tuple[int, int]
) -> MoveWalls:
    """Moves the walls of `add_nearest_walls` to where robot and object are.

    Args:
        walls: all walls, as the robot meets them.
        object_walls: all walls, as the object meets them.
        model: compiled, with the places.
        columns: entries of qpos that are x and y of the object.
    """
    robots = move_nearest(walls, model)
    objects = move_nearest_to(columns, object_walls, model, PREFIX)
    return lambda model, qpos: objects(robots(model, qpos), qpos)

"""Maze walls: few long boxes in the scene, and only the nearest of them in the physics.

MJX computes every contact pair in every step, touching or not, so a maze costs its number of walls
times the robot's number of geoms. Wall cells are merged into rectangles, and the physics has only
two boxes, which are moved to the two nearest walls before each physics step. Two are enough: at a
corner of the grid, a robot that reaches less than half a cell can touch at most two of the four
cells around it, since a wall diagonally opposite is hidden unless one of the cells beside it is
free. 256 ants in the big maze make 8,000 environment steps per second on one CPU core with two
walls and 2,000 with all thirteen; the states agree to rounding error. A robot with a longer reach
gets as many walls as `count_walls_within` finds: three in the shipped mazes, for a reach of 0.7 of
a cell.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

from components.environments.workarounds.quiet_mjx import mjx

# Contact bits of geoms that touch the floor and of geoms that touch walls.
FLOOR_BIT = 1
WALL_BIT = 2

NEAREST = 2


class Rectangle(NamedTuple):
    """A block of cells: rows `top` to `bottom` and columns `left` to `right`, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int


class Boxes(NamedTuple):
    """Axis-parallel rectangles in the plane (metres).

    Attributes:
        centre: (w, 2).
        half: half side lengths, (w, 2).
    """

    centre: np.ndarray
    half: np.ndarray


def merge_cells(wall: np.ndarray) -> list[Rectangle]:
    """Return disjoint rectangles that cover exactly the true cells of `wall` (rows, columns).

    Greedy: the first uncovered cell in reading order grows to the larger of two rectangles, the one
    stretched right and then down, and the one stretched down and then right.
    """
    uncovered = np.array(wall, bool)
    found = []
    while uncovered.any():
        top, left = (int(i) for i in np.argwhere(uncovered)[0])
        corner = uncovered[top:, left:]
        wide = _stretch(corner)
        tall = _stretch(corner.T)[::-1]
        # Fewer, larger boxes are what makes mazes cheap to simulate.
        rows, columns = max(wide, tall, key=np.prod)
        found.append(Rectangle(top, left, top + rows, left + columns))
        uncovered[top : top + rows, left : left + columns] = False
    return found


def _stretch(cells: np.ndarray) -> tuple[int, int]:
    """Return rows and columns of the rectangle grown from the top left, first right, then down."""
    columns = _count_leading(cells[0])
    return _count_leading(np.all(cells[:, :columns], axis=1)), columns


def _count_leading(flags: np.ndarray) -> int:
    """Count the true entries before the first false one."""
    return int(np.cumprod(flags).sum())


def boxes_in_metres(rectangles: list[Rectangle], scale: float) -> Boxes:
    """Convert rectangles to metres, for cells of side `scale` with centres at its multiples."""
    r = np.array(rectangles, np.float32).reshape(-1, 2, 2)
    low, high = scale * (r[:, 0] - np.float32(0.5)), scale * (r[:, 1] - np.float32(0.5))
    return Boxes((low + high) / 2, (high - low) / 2)


def add_walls(spec: mujoco.MjSpec, walls: Boxes, height: float) -> None:
    """Add walls that stand on z = 0 to a model, as geoms `wall_0`, `wall_1`, ...

    They have no friction: one constraint row per contact instead of four, and a robot that leans on
    a wall still slides along it.
    """
    for i, (centre, half) in enumerate(zip(walls.centre, walls.half, strict=True)):
        spec.worldbody.add_geom(
            name=f"wall_{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[*centre, height / 2],
            size=[*half, height / 2],
            rgba=[0.55, 0.6, 0.68, 1],
            contype=0,
            conaffinity=WALL_BIT,
            condim=1,
            priority=1,
        )


def first_walls(walls: Boxes, count: int = NEAREST) -> Boxes:
    """Return the first `count` walls, as placeholders that `move_nearest_walls` moves."""
    return Boxes(walls.centre[:count], walls.half[:count])


def count_walls_within(walls: Boxes, reach: float) -> int:
    """Return the largest number of walls within `reach` (metres) of one point, on a 5 cm grid."""
    low, high = (walls.centre - walls.half).min(axis=0), (walls.centre + walls.half).max(axis=0)
    x, y = (np.arange(first, last, 0.05) for first, last in zip(low, high, strict=True))
    within = np.zeros((len(x), len(y)), int)
    for centre, half in zip(walls.centre, walls.half, strict=True):
        gap_x, gap_y = (
            np.maximum(np.abs(along - middle) - extent, 0)
            for along, middle, extent in zip((x, y), centre, half, strict=True)
        )
        within += np.hypot(gap_x[:, None], gap_y[None, :]) < reach
    return int(within.max())


class WallMover:
    """Moves walls before a physics step; a `ModelUpdate` of the physics.

    Two that do the same are equal, so that mazes which differ in their cells alone share their
    traced physics.
    """

    def __init__(self, columns: tuple[int, int], walls: Boxes, geoms: np.ndarray):
        """Args:
        columns: entries of qpos that are x and y of the body among the walls.
        walls: all walls, as they bound this body.
        geoms: ids of the geoms to move.
        """
        self._columns, self._walls, self._geoms = columns, walls, geoms

    def __call__(self, model: mjx.Model, qpos: Float[Array, " nq"]) -> mjx.Model:
        walls, geoms = self._walls, self._geoms
        index = _nearest_indices(walls, qpos[np.array(self._columns)], len(geoms))
        return model.replace(
            geom_pos=model.geom_pos.at[geoms, :2].set(jnp.asarray(walls.centre)[index]),
            geom_size=model.geom_size.at[geoms, :2].set(jnp.asarray(walls.half)[index]),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WallMover) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self._columns, *(array.tobytes() for array in (*self._walls, self._geoms))


def move_nearest_walls(walls: Boxes, model: mujoco.MjModel, count: int = NEAREST) -> WallMover:
    """Return a function that moves the wall geoms of `model` to the walls nearest to the robot.

    Args:
        walls: all walls of the maze.
        model: has the geoms `wall_0` to `wall_<count - 1>`, and x and y of the robot first in qpos.
        count: number of wall geoms in the model.
    """
    return move_walls_near((0, 1), walls, model, "wall", count)


def _nearest_indices(walls: Boxes, point: Float[Array, "2"], count: int) -> Array:
    """Return the indices of the `count` walls nearest to `point` (2,), nearest first."""
    gap = jnp.maximum(jnp.abs(point[None, :] - walls.centre) - walls.half, 0.0)
    return jax.lax.top_k(-jnp.sum(jnp.square(gap), axis=-1), count)[1]


def move_walls_near(
    columns: tuple[int, int],
    walls: Boxes,
    model: mujoco.MjModel,
    prefix: str,
    count: int = NEAREST,
) -> WallMover:
    """Return a function as `move_nearest_walls` does, for any body that moves among the walls.

    Args:
        columns: entries of qpos that are its x and y.
        walls: all walls, as they bound this body.
        model: has the geoms `<prefix>_0` to `<prefix>_<count - 1>`.
        prefix: of the geoms to move.
        count: number of these geoms.
    """
    geoms = np.array([model.geom(f"{prefix}_{i}").id for i in range(count)])
    return WallMover(columns, walls, geoms)

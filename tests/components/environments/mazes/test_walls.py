"""The two nearest walls are all that a robot can touch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.environments.core.physics.mjx import MJX
from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.maze import Maze
from components.environments.mazes.walls import (
    NEAREST,
    Boxes,
    Rectangle,
    merge_cells,
    move_nearest_walls,
)
from components.environments.tasks.point import point_maze

MAZES = [make_maze(name) for name in LAYOUTS]
# A robot's reach plus what it moves in one control step; half a cell is 2 m.
REACH = 1.9


def distances(walls: Boxes, point: np.ndarray) -> np.ndarray:
    gap = np.maximum(np.abs(point - walls.centre) - walls.half, 0)
    return np.linalg.norm(gap, axis=-1)


def is_free(where: Maze, points: np.ndarray) -> np.ndarray:
    cells = np.floor(points / where.scale + 0.5).astype(int)
    return where.grid[cells[:, 0], cells[:, 1]] != "#"


@settings(deadline=None)
@given(st.sampled_from(MAZES), st.data())
def test_a_straight_reach_meets_one_of_the_nearest_walls_first(where, data):
    """From a free point, a limb stretched out until it meets a wall meets a near one."""
    fraction = st.floats(-0.49, 0.49)
    cell = data.draw(st.sampled_from(np.argwhere(where.grid != "#").tolist()))
    root = where.scale * (np.array(cell) + np.array([data.draw(fraction), data.draw(fraction)]))
    angle = data.draw(st.floats(0, 6.28))
    reach = np.arange(0, REACH, 0.01)[:, None] * [[np.cos(angle), np.sin(angle)]]
    limb = root + reach
    blocked = ~is_free(where, limb)
    if not blocked.any():
        return
    touched = np.argmin(distances(where.walls, limb[np.argmax(blocked)]))
    near = np.argsort(distances(where.walls, root), kind="stable")[:NEAREST]
    assert distances(where.walls, root)[touched] <= distances(where.walls, root)[near].max() + 1e-5


def test_the_physics_gets_the_nearest_walls():
    env = point_maze("big_maze")
    walls, physics = env.task.maze.walls, env.task.physics
    adapt = move_nearest_walls(walls, physics.model)
    model = jax.tree.map(jnp.asarray, physics.with_engine(MJX())._simulation().model)
    rng = np.random.default_rng(0)
    for point in rng.uniform(2, 26, (20, 2)).astype(np.float32):
        moved = adapt(model, jnp.asarray(point))
        geoms = [physics.model.geom(f"wall_{i}").id for i in range(NEAREST)]
        given_boxes = Boxes(
            np.asarray(moved.geom_pos)[geoms, :2], np.asarray(moved.geom_size)[geoms, :2]
        )
        expected = np.sort(distances(walls, point))[:NEAREST]
        np.testing.assert_allclose(np.sort(distances(given_boxes, point)), expected, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_scene_holds_every_wall(layout):
    env = point_maze(layout)
    scene, walls = env.task.scene, env.task.maze.walls
    assert scene.ngeom == 2 + len(walls.centre)
    assert env.task.physics.model.ngeom == 2 + NEAREST
    for i, (centre, half) in enumerate(zip(*walls, strict=True)):
        np.testing.assert_allclose(scene.geom(f"wall_{i}").pos, [*centre, 1])
        np.testing.assert_allclose(scene.geom(f"wall_{i}").size, [*half, 1])


@pytest.mark.parametrize("turned", [False, True], ids=["tall", "wide"])
def test_cells_grow_to_the_larger_rectangle(turned):
    """A column of three cells is larger than a row of two, and the other way round."""
    corner = np.array([[1, 1], [1, 0], [1, 0]], bool)
    large, small = Rectangle(0, 0, 3, 1), Rectangle(0, 1, 1, 2)
    if turned:
        corner, large, small = corner.T, Rectangle(0, 0, 1, 3), Rectangle(1, 0, 2, 1)
    assert merge_cells(corner) == [large, small]

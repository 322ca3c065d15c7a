"""Pictures: that they show something, and say so when they cannot."""

import jax
import numpy as np
import pytest
from matplotlib.image import imread

from components.environments.rendering import camera
from components.environments.rendering.camera import RenderError
from components.environments.rendering.render import frame, top_view


def test_top_view_shows_walls_goal_and_path(point, tmp_path):
    path = np.array([[4, 4], [4, 8], [4, 12]], float)
    picture = top_view(point, [path], np.array([[4.0, 12.0]]), tmp_path / "maze.png")
    assert picture.dtype == np.uint8
    assert picture.shape == (600, 600, 3)
    wall = (picture == [0x8D, 0x99, 0xAE]).all(axis=-1).mean()
    assert 0.1 < wall < 0.6
    assert (picture == [0x2A, 0x9D, 0x3F]).all(axis=-1).any()
    assert imread(tmp_path / "maze.png").shape[:2] == (600, 600)


def test_top_view_of_several_paths_without_walls(free_ant):
    paths = [np.cumsum(np.ones((5, 3)), axis=0) * s for s in (1, -1)]
    picture = top_view(free_ant, paths, np.array([[10.0, 0.0], [0.0, 10.0]]))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_top_view_needs_a_goal_per_path(point):
    with pytest.raises(ValueError, match="1 paths and 2 goals"):
        top_view(point, [np.zeros((2, 2))], np.zeros((2, 2)))


def test_frame_shows_the_goal(maze_ant):
    state, _ = maze_ant.reset(jax.random.key(0))
    state = state._replace(goal=state.body.qpos[:2] + np.float32(1))
    try:
        picture = maze_ant.render(state)
    except RenderError as error:
        pytest.skip(str(error))
    assert picture.shape == (360, 480, 3)
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    assert ((green > red + 40) & (green > blue + 40)).sum() > 100


def test_frame_says_what_to_do_without_opengl(point, monkeypatch):
    def broken():
        raise ImportError("no EGL here")

    monkeypatch.setattr(camera, "_gl_class", broken)
    state, _ = point.reset(jax.random.key(0))
    with pytest.raises(RenderError, match=r"no EGL here.*libegl1"):
        frame(point, state)

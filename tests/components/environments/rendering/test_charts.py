"""Charts: that they show something, for goals of any size."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.image import imread

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.task import EpisodeStart
from components.environments.rendering.charts import draw_overview, draw_top_view


def test_top_view_shows_walls_goal_and_path(point, tmp_path):
    path = np.array([[4, 4], [4, 8], [4, 12]], float)
    picture = draw_top_view(point, [path], np.array([[4.0, 12.0]]), tmp_path / "maze.png")
    assert picture.dtype == np.uint8
    assert picture.shape == (600, 600, 3)
    wall = (picture == [0x8D, 0x99, 0xAE]).all(axis=-1).mean()
    assert 0.1 < wall < 0.6
    assert (picture == [0x2A, 0x9D, 0x3F]).all(axis=-1).any()
    assert imread(tmp_path / "maze.png").shape[:2] == (600, 600)


def test_top_view_of_several_paths_without_walls(free_ant):
    paths = [np.cumsum(np.ones((5, 3)), axis=0) * s for s in (1, -1)]
    picture = draw_top_view(free_ant, paths, np.array([[10.0, 0.0], [0.0, 10.0]]))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_top_view_needs_a_goal_per_path(point):
    with pytest.raises(ValueError, match="1 paths and 2 goals"):
        draw_top_view(point, [np.zeros((2, 2))], np.zeros((2, 2)))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_an_overview_for_every_size_of_goal(bead, size, tmp_path):
    env = GoalEnvironment(
        dataclasses.replace(
            bead.task,
            goal_indices=(0,) * size,
            sample_start=lambda _: EpisodeStart(*[jnp.zeros(n, jnp.float32) for n in (1, 1, size)]),
        )
    )
    rng = np.random.default_rng(0)
    achieved, goals = rng.normal(0, 1, (2, 2, 5, size)).astype(np.float32)
    picture = draw_overview(env, list(achieved), list(goals), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").exists()
    assert (picture < 255).any(axis=-1).mean() > 0.01

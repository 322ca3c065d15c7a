"""Pictures of robots: that they show robot and goal, and say so when they cannot."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.rendering import opengl
from components.environments.rendering.marks import mark_goal
from components.environments.rendering.opengl import RenderError
from components.environments.rendering.render import render_frame, root_body


def green(picture):
    """How many pixels have the colour of a goal."""
    red, green, blue = picture.astype(int).transpose(2, 0, 1)
    return ((green > red + 40) & (green > blue + 40)).sum()


def test_frame_shows_the_goal(maze_ant):
    state, _ = maze_ant.reset(jax.random.key(0))
    state = state._replace(goal=state.physics_state.qpos[:2] + np.float32(1))
    try:
        picture = GoalEnvironment(maze_ant.task, render_fn=render_frame).render(state)
    except RenderError as error:
        pytest.skip(str(error))
    assert picture.shape == (360, 480, 3)
    assert green(picture) > 100


def test_an_environment_without_a_renderer_names_one(point, key):
    with pytest.raises(NotImplementedError, match=r"render_frame\(env, state\)"):
        point.render(point.reset(key)[0])


def test_frame_has_a_goal_ten_metres_away_in_sight(free_ant):
    state, _ = free_ant.reset(jax.random.key(0))
    for goal in ([10, 0], [-10, 0], [0, 10], [0, -10]):
        try:
            picture = render_frame(free_ant, state._replace(goal=jnp.array(goal, jnp.float32)))
        except RenderError as error:
            pytest.skip(str(error))
        assert green(picture) > 30


def test_frame_says_what_to_do_without_opengl(point, monkeypatch):
    def broken():
        raise ImportError("no EGL here")

    monkeypatch.setattr(opengl, "_context_class", broken)
    state, _ = point.reset(jax.random.key(0))
    with pytest.raises(RenderError, match=r"no EGL here.*libegl1"):
        render_frame(point, state)


@pytest.mark.parametrize(
    ("goal", "centres"),
    [
        ([5], [[5, 0]]),
        ([1, 2], [[1, 2]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([1, 2, 3, 4, 5, 6, 0.07], [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_a_goal_is_marked_where_it_is(goal, centres):
    marks = mark_goal(np.array(goal, float), 0.5)
    assert np.allclose([m.centre[: len(c)] for m, c in zip(marks, centres, strict=True)], centres)
    assert all(mark.size[0] == 0.5 for mark in marks)
    # What lies on the floor does not reach below it.
    assert all(mark.centre[2] > 0 for mark in marks)


@pytest.mark.parametrize(("bodies", "root"), [("", 0), ("<body/><body/>", 1)])
def test_a_scene_may_have_no_body(bodies, root):
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{bodies}</worldbody></mujoco>")
    assert root_body(mujoco.MjData(model)) == root

"""The Panda's tasks: sizes, starts and goals, success, and what is observed."""

from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.goal_environment import EnvState
from components.environments.robot_models.panda_scenes import CUBE_HALF, Square
from components.environments.tasks.arm import (
    BINPICK,
    EEF_GOAL,
    EEF_START,
    GRASP_START,
    PUSH,
    arm_binpick,
    arm_binpick_eef,
    arm_grasp,
    arm_push,
    arm_reach,
)
from components.environments.tasks.arm_control import REST
from components.environments.tasks.arm_starts import REACH

SIZES = [
    (arm_reach, EnvDims(state=13, goal=3, action=4)),
    (arm_grasp, EnvDims(state=23, goal=7, action=5)),
    (arm_push, EnvDims(state=17, goal=3, action=5)),
    (arm_binpick, EnvDims(state=17, goal=3, action=5)),
    (arm_binpick_eef, EnvDims(state=11, goal=3, action=4)),
]
PLACES = [
    (arm_push, *PUSH["easy"]),
    (partial(arm_push, "hard"), *PUSH["hard"]),
    (arm_binpick, *BINPICK["easy"]),
    (partial(arm_binpick, "hard"), *BINPICK["hard"]),
    (arm_binpick_eef, EEF_START, EEF_GOAL),
]
ASIDE = np.array([0.0375, 0, 0])


@pytest.mark.parametrize(("word", "sizes"), SIZES)
def test_sizes(word, sizes):
    env = task(word).env
    assert env.dims == sizes
    assert env.episode_length == 1000
    assert env.task.physics.control_step == pytest.approx(0.05)


@pytest.mark.parametrize("word", [arm_push, arm_binpick])
def test_settings_are_checked(word):
    with pytest.raises(SettingError, match="'medium'"):
        word(difficulty="medium")


def draws(env):
    return jax.jit(jax.vmap(env.task.sample_start))(jax.random.split(jax.random.key(0), 10_000))


def assert_uniform(places: np.ndarray, square: Square) -> None:
    """Uniform over the part of a square that is in reach."""
    offset = places[:, :2] - [square.x, square.y]
    assert np.abs(offset).max() <= square.half + 1e-6
    assert np.linalg.norm(places[:, :2], axis=1).max() <= REACH + 1e-6
    np.testing.assert_allclose(places[:, 2], CUBE_HALF, atol=1e-7)
    cells = np.floor((offset / square.half + 1) * 2).clip(0, 3).astype(int)
    counts = np.bincount(cells @ [4, 1], minlength=16).reshape(4, 4)
    fine = np.stack(np.meshgrid(*[np.linspace(-1, 1, 401)[:-1] + 1 / 400] * 2, indexing="ij"), -1)
    inside = np.linalg.norm(fine * square.half + [square.x, square.y], axis=-1) <= REACH
    share = inside.reshape(4, 100, 4, 100).mean((1, 3))
    np.testing.assert_allclose(counts / 1e4, share / share.sum(), atol=0.012)


@pytest.mark.parametrize(("word", "start", "goal"), PLACES)
def test_cubes_and_goals_are_uniform_over_their_squares(word, start, goal):
    env = task(word).env
    drawn = draws(env)
    assert_uniform(np.asarray(drawn.qpos)[:, -7:-4], start)
    assert_uniform(np.asarray(drawn.goal), goal)
    assert np.unique(drawn.qpos[:, :-7], axis=0).shape[0] == 1
    assert not np.any(drawn.qvel)


def test_grasp_starts_and_goals():
    drawn = draws(task(arm_grasp).env)
    cube, goal = np.asarray(drawn.qpos)[:, 9:12], np.asarray(drawn.goal)
    assert_uniform(cube, GRASP_START)
    np.testing.assert_allclose(goal[:, :3], cube + ASIDE, atol=1e-6)
    np.testing.assert_allclose(goal[:, 3:6], cube - ASIDE, atol=1e-6)
    np.testing.assert_allclose(goal[:, 6], 0.075)


def test_reach_starts_and_goals():
    drawn = draws(task(arm_reach).env)
    np.testing.assert_array_equal(drawn.qpos, np.tile(REST, (10_000, 1)))
    offset = (np.asarray(drawn.goal) - [0, 0.5, 0.3]) / 0.2
    assert np.abs(offset).max() <= 1 + 1e-5
    np.testing.assert_allclose(offset.std(axis=0), 1 / np.sqrt(3), atol=0.01)
    np.testing.assert_allclose(offset.mean(axis=0), 0, atol=0.02)


@pytest.mark.parametrize("word", [arm_reach, arm_push, arm_binpick, arm_binpick_eef])
def test_success_within_ten_centimetres(word):
    env = task(word).env
    goal = jnp.asarray([0.1, 0.6, 0.03], jnp.float32)
    for distance, met in ((0.0999, True), (0.1001, False)):
        achieved = goal + jnp.asarray([0, distance, 0], jnp.float32)
        assert bool(env.success(achieved, goal)) is met


@pytest.mark.parametrize(
    ("aside", "gap", "met"),
    [
        (0.049, 0.069, True),
        (0.051, 0.069, False),
        (0.0, 0.094, True),
        (0.0, 0.096, False),
        (0.0, 0.056, True),
        (0.0, 0.054, False),
    ],
)
def test_a_grasp_is_fingertips_around_the_cube_and_the_right_gap(aside, gap, met):
    env = task(arm_grasp).env
    goal = jnp.asarray([0.0375, 0.6, 0.03, -0.0375, 0.6, 0.03, 0.075], jnp.float32)
    tips = [gap / 2, 0.6 + aside, 0.03, -gap / 2, 0.6 + aside, 0.03, gap]
    assert bool(env.success(jnp.asarray(tips, jnp.float32), goal)) is met


def test_the_goal_of_a_grasp_follows_the_cube():
    env = task(arm_grasp).env
    start = env.task.sample_start(jax.random.key(0))
    physics_state = env.task.physics.initial_state(
        start.qpos.at[9].add(jnp.float32(0.1)), start.qvel
    )
    state = EnvState(jax.random.key(0), physics_state, start.goal, jnp.zeros((), jnp.int32))
    shift = np.asarray(env.current_goal(state)) - np.asarray(start.goal)
    np.testing.assert_allclose(shift, [0.1, 0, 0, 0.1, 0, 0, 0], atol=1e-6)


def test_what_a_grasp_observes_agrees_with_c_mujoco():
    """Every quantity of the state, at a random pose in motion; push and reach observe parts."""
    env, rng = task(arm_grasp).env, np.random.default_rng(0)
    model = env.task.physics.model
    data, speed = mujoco.MjData(model), np.zeros(6)
    data.qpos[:], data.qvel[:] = (
        [*REST, 0.05, 0.05, 0.1, 0.5, 0.03, 1, 0, 0, 0],
        rng.normal(size=15),
    )
    data.qpos[:7] += rng.normal(0, 0.3, 7)
    mujoco.mj_forward(model, data)
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, 7, speed, 0)
    arrays = (jnp.asarray(x, jnp.float32) for x in (data.qpos, data.qvel))
    left, right = data.site("left_tip").xpos, data.site("right_tip").xpos
    arm_part = [*data.qpos[:7], *data.body("link7").xpos, *speed[3:]]
    expected = [*data.qpos[9:12], *arm_part, *left, *right, np.linalg.norm(left - right)]
    observed = jax.jit(env.task.observe)(env.task.physics.initial_state(*arrays))
    np.testing.assert_allclose(observed, expected, atol=1e-5)

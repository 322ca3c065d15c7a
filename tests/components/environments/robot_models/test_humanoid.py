"""What the humanoid's body can touch, by its geometry alone."""

import mujoco
import numpy as np
import pytest

from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.walls import FLOOR_BIT, WALL_BIT, count_walls_within
from components.environments.robot_models.humanoid import NEAREST_WALLS, REACH, humanoid_model
from components.environments.tasks.humanoid import CELL, LOWEST


@pytest.fixture(scope="module")
def model():
    return humanoid_model()


@pytest.fixture(scope="module")
def reaches(model):
    """Per geom, the farthest that a point of it gets from the torso in 3,000 random postures."""
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    low, high = model.jnt_range[1:].T
    farthest = np.zeros(model.ngeom)
    for _ in range(3000):
        # Joints sit at their limits half of the time.
        data.qpos[7:] = np.clip(rng.uniform(2 * low - high, 2 * high - low), low, high)
        mujoco.mj_kinematics(model, data)
        for geom in range(1, model.ngeom):
            farthest[geom] = max(farthest[geom], reach(model, data, geom))
    return {model.geom(i).name: farthest[i] for i in range(1, model.ngeom)}


def reach(model, data, geom):
    """Distance from the torso's frame to the farthest point of a sphere or capsule."""
    axis = data.geom_xmat[geom].reshape(3, 3)[:, 2]
    is_capsule = model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE
    half = model.geom_size[geom, 1] if is_capsule else 0.0
    ends = data.geom_xpos[geom] + np.outer([-half, half], axis) - data.xpos[1]
    return np.linalg.norm(ends, axis=1).max() + model.geom_size[geom, 0]


def touching(model, bit):
    return {model.geom(i).name for i in range(model.ngeom) if model.geom_contype[i] & bit}


def test_body_is_gymnasiums_with_feet_in_the_shins(model):
    assert (model.nq, model.nv, model.nu, model.nbody - 1) == (24, 23, 17, 11)
    np.testing.assert_allclose(model.body_mass.sum(), 42.116, atol=1e-3)
    gears = [100] * 5 + [300, 200] + [100] * 2 + [300, 200] + [25] * 6
    np.testing.assert_array_equal(model.actuator_gear[:, 0], gears)
    np.testing.assert_allclose(model.actuator_ctrlrange, [[-0.4, 0.4]] * 17)


def test_only_the_left_knee_has_a_spring(model):
    stiffness = [model.joint(f"{side}_knee").stiffness for side in ("right", "left")]
    np.testing.assert_array_equal(np.ravel(stiffness), [0, 1])


def test_parts_that_touch(model):
    sides = ("left", "right")
    feet = {f"{side}_foot" for side in sides}
    legs = {f"{side}_{part}" for side in sides for part in ("thigh1", "shin1")}
    arms = {f"{side}_hand" for side in sides} | {f"ball_{side}_uarm1" for side in sides}
    trunk = {f"ball_{part}" for part in ("torso1", "uwaist", "lwaist", "butt")}
    assert touching(model, FLOOR_BIT) == feet
    assert touching(model, WALL_BIT) == feet | legs | arms | trunk | {"head"}


def test_nothing_but_the_lower_legs_reaches_the_floor_before_the_episode_ends(reaches):
    """However it is turned: nothing else is as far from the torso as the floor is."""
    for name, farthest in reaches.items():
        if "shin" not in name and "foot" not in name:
            assert farthest < LOWEST, name


def test_reach(reaches):
    assert max(reaches, key=reaches.__getitem__) in ("left_foot", "right_foot")
    assert 1.25 < max(reaches.values()) < REACH


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_more_walls_within_reach_than_the_physics_has(layout):
    assert count_walls_within(make_maze(layout, CELL).walls, REACH) <= NEAREST_WALLS

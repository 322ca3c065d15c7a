"""The Panda's model: kinematics, servos, and what its gripper can reach."""

import itertools

import mujoco
import numpy as np
import pytest
from panda_kinematics import HIGH, LOW, between_tips, pose, solve

from components.environments.robot_models.panda import JOINT_RANGES, OPEN, PALM_RADIUS, WRIST_RADIUS
from components.environments.robot_models.panda_scenes import (
    CUBE_HALF,
    Square,
    cube_model,
    hand_model,
    reach_model,
)
from components.environments.tasks.arm import (
    BINPICK,
    BINS,
    GRASP_START,
    PUSH,
    REACH_CENTRE,
    REACH_HALF,
    SUCCESS_RADIUS,
)
from components.environments.tasks.arm_control import CONTROLLED, REST
from components.environments.tasks.arm_starts import REACH

# From here a cube of 0.06 m is between fingers that are 0.1 m apart.
NEAR = 0.015
# So far from where cubes lie closest to a wall do open fingers fit beside it.
OFF_WALL = 0.03


@pytest.fixture(scope="module")
def cube():
    return cube_model()


def corners(square: Square) -> list[np.ndarray]:
    """Those of a square, drawn in to where cubes are."""
    ends = np.array(list(itertools.product((-1, 1), repeat=2)))
    places = np.array([square.x, square.y]) + square.half * ends
    return [place * min(1, REACH / np.linalg.norm(place)) for place in places]


def deepest(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """How far (metres) the robot is inside the table or a wall."""
    mujoco.mj_forward(model, data)
    names = [[model.geom(g).name for g in contact.geom] for contact in data.contact]
    robot = [not {"cube", "core"} & set(pair) for pair in names]
    return max([-c.dist for c, own in zip(data.contact, robot, strict=True) if own], default=0.0)


def test_links_are_where_the_manufacturer_puts_them(cube):
    """Numbers measured on MuJoCo Menagerie's model in the same pose."""
    data = pose(cube, REST[CONTROLLED])
    np.testing.assert_allclose(data.body("link7").xpos, [0, 0.678, 0.371], atol=5e-4)
    np.testing.assert_allclose(data.body("hand").xpos, [0, 0.750, 0.292], atol=5e-4)
    np.testing.assert_allclose(data.body("left_finger").xpos[0], OPEN, atol=1e-6)


def test_masses_are_the_manufacturers(cube):
    links = [cube.body(f"link{i}").mass[0] for i in range(1, 8)]
    np.testing.assert_allclose(sum(links), 16.0622, atol=1e-3)
    np.testing.assert_allclose(cube.body("cube").mass, 0.216)


def test_targets_lie_within_the_joints_ranges():
    low, high = JOINT_RANGES[CONTROLLED].T
    assert min(LOW - low) > -1e-3
    assert min(high - HIGH) > -1e-3


@pytest.mark.parametrize(
    ("plain", "drawn"),
    [
        (reach_model(), reach_model(drawn=True)),
        (cube_model(bins=BINS["easy"]), cube_model(*PUSH["easy"], BINS["easy"], drawn=True)),
        (hand_model(BINS["easy"]), hand_model(BINS["easy"], drawn=True)),
    ],
)
def test_what_is_drawn_moves_alike(plain, drawn):
    for name in ("body_mass", "jnt_type", "actuator_gainprm", "pair_friction", "qpos0"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(drawn, name))
    assert drawn.ngeom > plain.ngeom


def test_every_corner_of_the_reach_box_is_reached_clear_of_the_table():
    model = reach_model()
    angles = np.random.default_rng(0).uniform(LOW, HIGH, (4000, 4))
    # Joint 1 turns the rest about the vertical, so that two dimensions are left.
    angles[:, 0] = np.pi / 2
    places = []
    for row in angles:
        data = pose(model, row)
        palms = [data.geom(f"palm{i}").xpos[2] for i in range(3)]
        if min(palms) > PALM_RADIUS and data.geom("wrist").xpos[2] > WRIST_RADIUS:
            places.append(data.body("link7").xpos[1:].copy())
    for ends in itertools.product((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)):
        x, y, z = np.array(REACH_CENTRE) + REACH_HALF * np.array(ends)
        distance = np.linalg.norm(np.array(places) - [np.hypot(x, y), z], axis=1)
        assert distance.min() < 0.9 * SUCCESS_RADIUS


@pytest.mark.parametrize("square", [GRASP_START, *PUSH["easy"], *PUSH["hard"]])
def test_gripper_reaches_every_corner_on_the_table(cube, square):
    for place in corners(square):
        target = np.append(place, CUBE_HALF)
        data = pose(cube, solve(cube, target))
        assert np.linalg.norm(between_tips(data) - target) < NEAR
        assert deepest(cube, data) == 0


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_gripper_reaches_into_every_corner_of_the_bins(difficulty):
    """Open, around a cube a little off the walls; and above one that is beside them."""
    model = cube_model(bins=BINS[difficulty])
    for square in BINPICK[difficulty]:
        for place in corners(square):
            inwards = np.sign([square.x, square.y] - place)
            around = np.append(place + OFF_WALL * inwards, CUBE_HALF)
            for target in (around, np.append(place, 3 * CUBE_HALF)):
                data = pose(model, solve(model, target))
                assert np.linalg.norm(between_tips(data) - target) < NEAR
                assert deepest(model, data) < 0.002

"""The Panda at work: C MuJoCo, poses held, and cubes held, lifted, carried and kept in bins."""

from functools import partial

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task
from panda_kinematics import action, solve

from components.environments.core.physics import PhysicsState
from components.environments.robot_models.panda_scenes import (
    CUBE_HALF,
    cube_model,
    hand_model,
    reach_model,
)
from components.environments.tasks.arm import (
    BINPICK,
    BINS,
    PUSH,
    arm_binpick,
    arm_binpick_eef,
    arm_push,
    arm_reach,
)
from components.environments.tasks.arm_control import REST

OPEN, CLOSED = -1.0, 1.0
# Metres between the middle of a held cube and the middle of the fingertips.
BESIDE = 0.025


class Robot:
    """A task, compiled, and where its robot has got to."""

    def __init__(self, word):
        found = task(word)
        self.env, self.step, self.state = found.env, found.step, found.start
        self.model = self.env.task.physics.model
        self.data = mujoco.MjData(self.model)

    def begin(self, qpos, qvel=None) -> None:
        qvel = np.zeros(self.model.nv) if qvel is None else qvel
        arrays = (jnp.asarray(x, jnp.float32) for x in (qpos, qvel))
        physics_state = self.env.task.physics.initial_state(*arrays)
        self.state = self.state._replace(physics_state=physics_state)

    def act(self, command, steps: int = 1) -> None:
        command = jnp.asarray(command, jnp.float32)
        for _ in range(steps):
            self.state, _ = self.step(self.state, command)

    def look(self) -> mujoco.MjData:
        """C MuJoCo's view of where everything is."""
        self.data.qpos[:], self.data.qvel[:] = self.physics_state.qpos, self.physics_state.qvel
        mujoco.mj_forward(self.model, self.data)
        return self.data

    @property
    def physics_state(self) -> PhysicsState:
        return self.state.physics_state

    @property
    def cube(self) -> np.ndarray:
        return np.asarray(self.physics_state.qpos[-7:-4])


@pytest.fixture(scope="module")
def arm():
    return Robot(arm_push)


@pytest.fixture(scope="module")
def hand():
    return Robot(arm_binpick_eef)


def arm_start(cube=(0.0, -2.0)) -> np.ndarray:
    return np.array([*REST, 0.05, 0.05, *cube, CUBE_HALF, 1, 0, 0, 0])


def carry(robot: Robot, waypoints, steps: int = 25) -> None:
    """The arm through ((x, y, z), gripper), each held for so many steps."""
    for place, gripper in waypoints:
        target = solve(robot.model, np.array(place))
        robot.act([*action(target), gripper], steps)


def fly(robot: Robot, waypoints, steps: int = 25) -> None:
    """The hand alone to ((x, y, z), gripper), each within so many steps."""
    for place, gripper in waypoints:
        for _ in range(steps):
            robot.act(
                [*(np.array(place) - np.asarray(robot.physics_state.qpos[:3])) / 0.2, gripper]
            )


def compare_with_c(robot: Robot, model: mujoco.MjModel, command_size: int) -> np.ndarray:
    """Largest difference of positions after each of 100 random actions from the same state."""
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-10
    data, rng, errors = mujoco.MjData(model), np.random.default_rng(1), []
    for _ in range(100):
        command = jnp.asarray(rng.uniform(-1, 1, command_size), jnp.float32)
        data.qpos, data.qvel, data.qacc_warmstart = robot.physics_state[:3]
        robot.act(command)
        data.ctrl = robot.physics_state.ctrl
        mujoco.mj_step(model, data, robot.env.task.physics.substeps)
        errors.append(np.abs(np.asarray(robot.physics_state.qpos) - data.qpos).max())
    return np.array(errors)


def test_arm_agrees_with_c_mujoco(arm):
    """The solver's four iterations suffice: float32 rounding is what is left."""
    arm.begin(arm_start((-0.1, 0.6)))
    errors = compare_with_c(arm, cube_model(), 5)
    assert np.median(errors) < 1e-6
    assert errors.max() < 1e-3


def test_hand_agrees_with_c_mujoco(hand):
    """As the arm does, but for two steps, in which a fingertip hammers the cube into the table and
    the solver would need more iterations."""
    hand.begin([0, 0.6, 0.2, 0.05, 0.05, -0.15, 0.6, CUBE_HALF, 1, 0, 0, 0])
    errors = compare_with_c(hand, hand_model(BINS["easy"]), 4)
    assert np.median(errors) < 1e-6
    assert np.quantile(errors, 0.95) < 1e-3
    assert errors.max() < 0.05


def test_the_starting_pose_holds_without_action(arm):
    arm.begin(arm_start((-0.1, 0.6)))
    arm.act([0, 0, 0, 0, OPEN], 40)
    np.testing.assert_allclose(arm.physics_state.qpos[:7], REST, atol=1e-4)
    # The cube neither slides nor sinks.
    np.testing.assert_allclose(arm.cube, [-0.1, 0.6, CUBE_HALF], atol=2e-4)


def test_joints_go_where_they_are_sent(arm):
    arm.begin(arm_start())
    command = np.array([0.5, -0.4, 0.6, -0.5])
    arm.act([*command, OPEN], 60)
    reached = np.asarray(arm.physics_state.qpos)[[0, 1, 3, 5]]
    np.testing.assert_allclose(action(reached), command, atol=5e-3)
    # Sideways torque on the others moves them little.
    np.testing.assert_allclose(
        arm.physics_state.qpos[jnp.array([2, 4, 6])], [0, 0, np.pi / 4], atol=0.02
    )


@pytest.mark.parametrize("command", [(0, 1, 0, 0), (0, 1, -0.5, 1), (0.5, 1, -1, -1)])
def test_the_table_stops_the_arm(arm, command):
    """Sent below the table at full speed, nothing sinks in for long."""
    arm.begin(arm_start())
    deepest = []
    for _ in range(30):
        arm.act([*command, OPEN])
        deepest.append(max([-c.dist for c in arm.look().contact], default=0.0))
    assert max(deepest) < 0.02
    assert deepest[-1] < 0.005


def test_gripper_holds_lifts_and_carries_the_cube(arm):
    x, y = 0.05, 0.6
    arm.begin(arm_start((x, y)))
    carry(arm, [((x, y, 0.12), OPEN), ((x, y, 0.025), OPEN), ((x, y, 0.025), CLOSED)])
    carry(arm, [((x, y, 0.2), CLOSED)], steps=40)
    assert arm.cube[2] > 0.18
    carry(arm, [((-0.25, 0.55, 0.2), CLOSED)], steps=40)
    tips = arm.look().site_xpos.mean(axis=0)
    assert np.linalg.norm(arm.cube - tips) < BESIDE
    carry(arm, [((-0.25, 0.55, 0.2), OPEN)])
    assert arm.cube[2] < 0.035


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_a_cube_is_brought_to_its_goal(arm, difficulty):
    """From the far corner of the start to the far corner of the goals."""
    start, goal = PUSH[difficulty]
    place = np.array([start.x - start.half, start.y - start.half])
    end = np.array([goal.x + goal.half, goal.y - goal.half])
    arm.begin(arm_start(place))
    carry(arm, [((*place, 0.12), OPEN), ((*place, 0.03), OPEN), ((*place, 0.03), CLOSED)], 30)
    carry(arm, [((*point, 0.15), CLOSED) for point in np.linspace(place, end, 9)], steps=15)
    carry(arm, [((*end, 0.05), CLOSED), ((*end, 0.05), OPEN)])
    assert np.linalg.norm(arm.cube - [*end, CUBE_HALF]) < 0.1


def test_hand_carries_the_cube_from_bin_to_bin(hand):
    """Every goal of the hand alone is within 5 mm of this one, every start within 7 cm."""
    hand.begin([0, 0.6, 0.2, 0.05, 0.05, -0.1, 0.64, CUBE_HALF, 1, 0, 0, 0])
    # The fingertips are 0.128 m below the hand.
    fly(
        hand, [((-0.1, 0.64, 0.25), OPEN), ((-0.1, 0.64, 0.15), OPEN), ((-0.1, 0.64, 0.15), CLOSED)]
    )
    fly(hand, [((-0.1, 0.64, 0.29), CLOSED), ((0.17, 0.6, 0.29), CLOSED), ((0.17, 0.6, 0.2), OPEN)])
    assert np.linalg.norm(hand.cube - [0.17, 0.6, CUBE_HALF]) < 0.05


@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_bin_walls_hold_the_cube(hand, direction):
    """Thrown at 2 m/s from the middle of its bin."""
    direction = np.array(direction)
    cube = [-0.17, 0.6, CUBE_HALF, 1, 0, 0, 0]
    qvel = np.zeros(11)
    qvel[5:7] = 2 * direction
    hand.begin([0, 0.6, 0.29, 0.05, 0.05, *cube], qvel)
    farthest = 0.0
    for _ in range(10):
        hand.act([0, 0, 0, OPEN])
        farthest = max(farthest, (hand.cube[:2] - cube[:2]) @ direction)
    # The inner face of the wall is 0.135 m from the middle.
    assert 0.09 < farthest < 0.135 - CUBE_HALF + 0.01


def test_bin_walls_hold_the_fingers(hand):
    """At the hand's full speed, from the middle of a bin towards each of its sides."""
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        hand.begin([-0.17, 0.6, 0.15, 0, 0, 0.17, 0.6, CUBE_HALF, 1, 0, 0, 0])
        for _ in range(20):
            hand.act([*direction, 0, CLOSED])
        assert np.abs(np.asarray(hand.physics_state.qpos[:2]) - [-0.17, 0.6]).max() < 0.145


def test_fence_holds_the_cube(hand):
    qvel = np.zeros(11)
    qvel[5:7] = 2
    hand.begin([0, 0.6, 0.29, 0.05, 0.05, 0.35, 0.8, 0.2, 1, 0, 0, 0], qvel)
    hand.act([0, 0, 0, OPEN], 20)
    assert hand.cube[0] < 0.4
    assert hand.cube[1] < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_arm_carries_the_cube_from_bin_to_bin(difficulty):
    robot = Robot(partial(arm_binpick, difficulty))
    start, goal = (np.array([square.x, square.y]) for square in BINPICK[difficulty])
    robot.begin(arm_start(start))
    carry(robot, [((*start, 0.2), OPEN), ((*start, 0.03), OPEN), ((*start, 0.03), CLOSED)])
    between = [start + f * (goal - start) for f in (0, 0.25, 0.5, 0.75, 1)]
    carry(robot, [((*place, 0.2), CLOSED) for place in between])
    carry(robot, [((*goal, 0.1), CLOSED), ((*goal, 0.1), OPEN)])
    assert np.linalg.norm(robot.cube - [*goal, CUBE_HALF]) < 0.1


@pytest.mark.slow
def test_reaching_arm_agrees_with_c_mujoco():
    robot = Robot(arm_reach)
    errors = compare_with_c(robot, reach_model(), 4)
    assert np.median(errors) < 1e-6
    assert errors.max() < 1e-3

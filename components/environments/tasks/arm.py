"""Manipulation with the Franka Panda: reach, grasp, push, and bin picking with arm or hand alone.

The base stands at the origin of a table, and the arm works towards +y.
"""

from functools import partial
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from components.constraints import OneOf, PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsEngine, PhysicsState
from components.environments.core.task import EpisodeStart, Task
from components.environments.robot_models.panda import OPEN
from components.environments.robot_models.panda_scenes import (
    SUBSTEPS,
    Bin,
    Square,
    cube_model,
    hand_model,
    reach_model,
)
from components.environments.tasks.arm_control import (
    ARM,
    ARM_AND_GRIPPER,
    HAND_AND_GRIPPER,
    REST,
    REST_OPEN,
)
from components.environments.tasks.arm_observations import (
    observe_arm,
    observe_grasp,
    observe_hand,
    observe_push,
)
from components.environments.tasks.arm_starts import (
    cube_start_sampler,
    grasp_goal,
    grasp_start_sampler,
)

Difficulty = Annotated[str, OneOf(("easy", "hard"))]

SUCCESS_RADIUS = 0.1
GRASP_RADIUS, GRASP_TOLERANCE = 0.05, 0.02
REACH_CENTRE, REACH_HALF = (0.0, 0.5, 0.3), 0.2
GRASP_START = Square(0.0, 0.6, 0.3)
PUSH = {
    "easy": (Square(-0.1, 0.6, 0.1), Square(0.1, 0.6, 0.1)),
    "hard": (Square(-0.25, 0.65, 0.25), Square(0.25, 0.65, 0.25)),
}
BINPICK = {
    "easy": (Square(-0.15, 0.6, 0.07), Square(0.17, 0.6, 0.09)),
    "hard": (Square(-0.3, 0.6, 0.15), Square(0.3, 0.6, 0.15)),
}
BINS = {
    "easy": (Bin(-0.17, 0.6, 0.14), Bin(0.17, 0.6, 0.14)),
    "hard": (Bin(-0.3, 0.6, 0.19), Bin(0.3, 0.6, 0.19)),
}
EEF_START, EEF_GOAL = Square(-0.15, 0.6, 0.07), Square(0.17, 0.6, 0.005)
EEF_REST = np.array([0, 0.6, 0.2, OPEN, OPEN], np.float32)
VIEW = 1.9


def arm_reach(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Bring the last link of a Panda without fingers to a point in the air.

    State (13): 7 joint angles; place and velocity of link 7, whose origin is 0.107 m above the
    hand. Goal (3): place of link 7, uniform in a box of 0.4 m around (0, 0.5, 0.3), to be met
    within 0.1 m. Action (4): targets of joints 1, 2, 4 and 6, as offsets from the pose in which
    every episode starts (1.571, 0.742, 0, -1.571, 0, 3.054, 0.785) by up to 1.222, 0.942, 1.501
    and 0.698 rad; joints 3, 5 and 7 stay there. A control step takes 0.05 s. Nothing terminates.

    Departures from the reference implementations: servos pull as hard to their target as they hold
    it (theirs stop half way, so that the starting pose drifts off and half of all goals cannot be
    met), with the gains in `robot_models.panda`; the weight of the arm is compensated; joint 2 has
    its range widened by 0.2 rad at both ends, without which goals high above the base are out of
    reach; joint 7 squares the fingers to the arm (theirs starts at 1.449 and settles at 0.724).
    Their training runs 1000 steps; their code also recommends 50 or 100.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(arm_reach, episode_length=episode_length)
    robot = Physics(reach_model(), SUBSTEPS, engine=physics)
    return GoalEnvironment(
        Task(
            physics=robot,
            scene=reach_model(drawn=True),
            sample_start=_sample_reach,
            observe=partial(observe_arm, robot),
            goal_indices=(7, 8, 9),
            success_radius=SUCCESS_RADIUS,
            control=ARM,
            episode_length=episode_length,
            camera_distance=VIEW,
        )
    )


def arm_grasp(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Bring the fingertips of a Panda to either side of a cube, wherever the cube is.

    State (23): place of the cube (side 0.06 m, 0.216 kg); 7 joint angles; place and velocity of
    link 7; left and right fingertip; gap between them. Goal (7): left fingertip 0.0375 m from the
    cube's middle along +x, right along -x, gap 0.075 m; it moves with the cube. Success: the
    middle of the fingertips within 0.05 m of the cube's, which is the `distance`, and a gap
    within 0.02 m of 0.075 m; open fingers are 0.11 m apart, closed around the cube 0.069 m.
    Action (5): as in `arm_reach`, then the gripper, closed above 0. The cube starts square to the
    table in (0, 0.6) + U(-0.3, 0.3)^2, as far as 0.9 m from the base. Nothing terminates.

    Departures from the reference implementations: as in `arm_reach`; fingers start open, 0.05 m
    each (theirs start at 0.04 m and open to 0.08 or 0.05 m); the cube starts at rest, not falling;
    cubes out of reach are drawn again; the goal follows the cube at once, not one step behind.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(arm_grasp, episode_length=episode_length)
    robot = Physics(cube_model(), SUBSTEPS, engine=physics)
    return GoalEnvironment(
        Task(
            physics=robot,
            scene=cube_model(start=GRASP_START, drawn=True),
            sample_start=grasp_start_sampler(REST_OPEN, GRASP_START),
            observe=partial(observe_grasp, robot),
            goal_indices=tuple(range(16, 23)),
            success_radius=GRASP_RADIUS,
            control=ARM_AND_GRIPPER,
            distance=_grasp_distance,
            success=_is_grasped,
            moving_goal=_goal_around_cube,
            episode_length=episode_length,
            camera_distance=VIEW,
        )
    )


def arm_push(
    difficulty: Difficulty = "easy",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Move a cube on a table with the Panda from a region on the left to one on the right.

    State (17): place of the cube; 7 joint angles; place and velocity of link 7; gap between the
    fingertips. Goal (3): place of the cube at rest, to be met within 0.1 m. Action (5): as in
    `arm_grasp`. The cube starts in (-0.1, 0.6) + U(-0.1, 0.1)^2; its goal lies in (0.1, 0.6) +
    U(-0.1, 0.1)^2; 'hard': (-0.25, 0.65) and (0.25, 0.65), both + U(-0.25, 0.25)^2, as far as
    0.9 m from the base. Nothing terminates.

    Departures from the reference implementations: as in `arm_grasp`. The state has no gripper force
    (one of theirs has what it calls so, and is mostly torques of the arm).

    Args:
        difficulty: 'easy' or 'hard'.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(arm_push, difficulty=difficulty, episode_length=episode_length)
    start, goal = PUSH[difficulty]
    return _cube_environment(start, goal, (), episode_length, physics)


def arm_binpick(
    difficulty: Difficulty = "easy",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Lift a cube with the Panda out of one bin and into another; walls are 0.066 m high.

    State, goal, success and action as in `arm_push`. The cube starts in (-0.15, 0.6) +
    U(-0.07, 0.07)^2, its goal lies in (0.17, 0.6) + U(-0.09, 0.09)^2, in bins of 0.27 m around
    (-0.17, 0.6) and (0.17, 0.6); 'hard': (-0.3, 0.6) and (0.3, 0.6), both + U(-0.15, 0.15)^2, in
    bins of 0.37 m around them. Nothing terminates.

    Departures from the reference implementations: as in `arm_push`. Bin walls touch the cube and
    the fingertips, not the palm of the hand. They use noises of 0.07 and 0.09 m for the easy
    start, of which the larger puts cubes 5 mm into a wall, and of 0.005 and 0.09 m for the easy
    goal, of which the larger is used here.

    Args:
        difficulty: 'easy' or 'hard'.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(arm_binpick, difficulty=difficulty, episode_length=episode_length)
    start, goal = BINPICK[difficulty]
    return _cube_environment(start, goal, BINS[difficulty], episode_length, physics)


def arm_binpick_eef(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Lift a cube with a Panda's hand without its arm out of one bin and into another.

    State (11): place of the cube; place and velocity of the hand; gap between the fingertips; mean
    force of the finger servos / 10 N. Goal (3): place of the cube at rest, to be met within 0.1 m.
    Action (4): displacement of the hand along x, y, z (times 0.2 m, within [-0.4, 0.4],
    [0.35, 0.85], [0, 0.3]), then the gripper, closed above 0. The hand starts at (0, 0.6, 0.2),
    the cube in (-0.15, 0.6) + U(-0.07, 0.07)^2; its goal lies in (0.17, 0.6) + U(-0.005, 0.005)^2.
    A fence around the hand's space holds the middle of the cube. Nothing terminates.

    Departures from the reference implementations: the gripper force is that of the fingers alone
    (theirs averages every other degree of freedom); the rest as in `arm_binpick`.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(arm_binpick_eef, episode_length=episode_length)
    robot = Physics(hand_model(BINS["easy"]), SUBSTEPS, engine=physics)
    return GoalEnvironment(
        Task(
            physics=robot,
            scene=hand_model(BINS["easy"], drawn=True),
            sample_start=cube_start_sampler(EEF_REST, EEF_START, EEF_GOAL),
            observe=partial(observe_hand, robot),
            goal_indices=(0, 1, 2),
            success_radius=SUCCESS_RADIUS,
            control=HAND_AND_GRIPPER,
            episode_length=episode_length,
            camera_distance=VIEW,
        )
    )


def _cube_environment(
    start: Square,
    goal: Square,
    bins: tuple[Bin, ...],
    episode_length: int,
    engine: PhysicsEngine | None,
) -> GoalEnvironment:
    robot = Physics(cube_model(bins=bins), SUBSTEPS, engine=engine)
    return GoalEnvironment(
        Task(
            physics=robot,
            scene=cube_model(start, goal, bins, drawn=True),
            sample_start=cube_start_sampler(REST_OPEN, start, goal),
            observe=partial(observe_push, robot),
            goal_indices=(0, 1, 2),
            success_radius=SUCCESS_RADIUS,
            control=ARM_AND_GRIPPER,
            episode_length=episode_length,
            camera_distance=VIEW,
        )
    )


def _sample_reach(key: Key[Array, ""]) -> EpisodeStart:
    noise = jax.random.uniform(key, (3,), jnp.float32, -REACH_HALF, REACH_HALF)
    goal = jnp.asarray(REACH_CENTRE, jnp.float32) + noise
    return EpisodeStart(jnp.asarray(REST), jnp.zeros(7, jnp.float32), goal)


def _goal_around_cube(_goal: Float[Array, "7"], state: PhysicsState) -> Float[Array, "7"]:
    return grasp_goal(state.qpos[9:12])


def _grasp_distance(
    achieved: Float[Array, "*b 7"], goal: Float[Array, "*b 7"]
) -> Float[Array, "*b"]:
    """Return the distance between the middles of the fingertips and of their goals (metres)."""
    apart = (achieved - goal)[..., :3] + (achieved - goal)[..., 3:6]
    return jnp.float32(0.5) * jnp.sqrt(jnp.sum(jnp.square(apart), axis=-1))


def _is_grasped(achieved: Float[Array, "*b 7"], goal: Float[Array, "*b 7"]) -> Bool[Array, "*b"]:
    near = _grasp_distance(achieved, goal) < GRASP_RADIUS
    return near & (jnp.abs(achieved[..., 6] - goal[..., 6]) < GRASP_TOLERANCE)

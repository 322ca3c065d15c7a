"""The humanoid, on an open floor and in mazes."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.health import torso_between
from components.environments.core.physics import Physics, PhysicsEngine, PhysicsState
from components.environments.core.samplers import PairSampler, pairs_in_cells
from components.environments.core.task import Control, EpisodeStart, Task
from components.environments.mazes.layouts import Layout, make_maze
from components.environments.mazes.maze import Maze
from components.environments.mazes.walls import count_walls_within, first_walls, move_nearest_walls
from components.environments.robot_models.humanoid import (
    NEAREST_WALLS,
    REACH,
    STRENGTH,
    SUBSTEPS,
    humanoid_model,
)

START_HEIGHT = 1.4
GOAL_HEIGHT = 1.25
NEAREST_GOAL, FARTHEST_GOAL = 1.0, 5.0
SUCCESS_RADIUS = 0.5
LOWEST, HIGHEST = 1.0, 2.0
CELL = 2.0


def humanoid(
    episode_length: PositiveInt = 1000, physics: PhysicsEngine | None = None
) -> GoalEnvironment:
    """Walk a humanoid over an open floor to a goal 1 m to 5 m away in any direction.

    State (246): 24 positions (x, y, z, quaternion; abdomen z, y, x; right hip x, z, y, knee; left
    hip x, z, y, knee; right shoulder 1, 2, elbow; left shoulder 1, 2, elbow); their 23 velocities
    (linear in the world, angular in the body, joints); inertia of the 11 links about the robot's
    centre of mass, 10 numbers each (`Kinematics.cinert`); their velocities there, 6 numbers each
    (`Kinematics.cvel`); the motors' torque along the 23 velocities (N m; the first six are 0). The
    links are torso, lower waist, pelvis, right thigh, right shin with foot, left thigh, left shin
    with foot, right upper arm, right lower arm, left upper arm, left lower arm.
    Goal (3): x, y and z of the torso, to be met within 0.5 m in space; z is always 1.25 m.
    Action (17): of full torque, which is 40 N m (abdomen, hip x, z), 120 (hip y), 80 (knee) or 10
    (arms); abdomen y, z, x, then the joints in the order of the positions.
    A control step takes 0.015 s. Starts in the model's own stance above the origin, torso at 1.4 m
    (feet 0.1 m above the floor), facing x, at rest. The goal's distance is U(1, 5) m, its direction
    uniform. Terminates when the torso is below 1 m or above 2 m.

    Departures from the reference implementations: the state is independent of the goal (theirs, 268
    numbers, holds the position of a target body of 1 kg, its velocity, and what it does to inertia,
    centre of mass and forces); inertia and velocities as MuJoCo has them (theirs are another
    engine's, with unit inertia); a control step of 0.015 s everywhere (0.03 s on the open floor in
    one of them, by mistake); the model's own gears (theirs allow 140 and 40 N m on the other
    engine); a fresh goal at every reset; reward 1 inside the success radius, else 0. Kept from
    them: the left knee has a spring (1 N m/rad) and the right one has none.

    Args:
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(humanoid, episode_length=episode_length)
    model = humanoid_model()
    robot = Physics(model, SUBSTEPS, engine=physics)
    return _humanoid_environment(robot, model, _sample_nearby_goal, episode_length)


def humanoid_maze(
    layout: Layout = "u_maze",
    episode_length: PositiveInt = 1000,
    physics: PhysicsEngine | None = None,
) -> GoalEnvironment:
    """Walk a humanoid through a maze with cells of 2 m and walls 1 m high.

    State, goal, action, success radius and falls as in `humanoid`. Starts above the centre of a
    start cell; the goal is the centre of a goal cell, at 1.25 m; both cells uniform. Walls can be
    climbed, but not stood on: the torso would be above 2 m. What the literature calls the
    humanoid's `big_maze_eval` is `big_maze_eval_v2` here.

    Departures from the reference implementations: as `humanoid`; parts of the trunk and the arms
    touch walls as spheres (see `humanoid_model`); every layout, where theirs have three.

    Args:
        layout: name of a layout in `mazes.layouts`, or rows of text.
        episode_length: time limit (environment steps).
        physics: what simulates the robot; by default what suits the device.

    Raises:
        SettingError: a setting outside its range.
    """
    check(humanoid_maze, episode_length=episode_length)
    maze = make_maze(layout, CELL)
    # Three in the shipped layouts; rows of text may enclose the robot more tightly.
    count = max(NEAREST_WALLS, count_walls_within(maze.walls, REACH))
    model, whole = humanoid_model(first_walls(maze.walls, count)), humanoid_model(maze.walls)
    move_walls = move_nearest_walls(maze.walls, model, count)
    robot = Physics(model, SUBSTEPS, move_walls, whole=whole, engine=physics)
    return _humanoid_environment(robot, whole, pairs_in_cells(maze), episode_length, maze)


def _humanoid_environment(
    physics: Physics,
    scene: mujoco.MjModel,
    sample_pair: PairSampler,
    episode_length: int,
    maze: Maze | None = None,
) -> GoalEnvironment:
    return GoalEnvironment(
        Task(
            physics=physics,
            scene=scene,
            sample_start=_start_sampler(sample_pair),
            observe=partial(_observe, physics),
            goal_indices=(0, 1, 2),
            success_radius=SUCCESS_RADIUS,
            episode_length=episode_length,
            healthy=torso_between(LOWEST, HIGHEST),
            control=Control(17, _scale_torques),
            maze=maze,
            camera_distance=6.0,
        )
    )


def _sample_nearby_goal(key: Key[Array, ""]) -> tuple[Array, Array]:
    """Return the origin, and sample a goal 1 m to 5 m away."""
    distance_key, angle_key = jax.random.split(key)
    distance = jax.random.uniform(distance_key, (), jnp.float32, NEAREST_GOAL, FARTHEST_GOAL)
    angle = jax.random.uniform(angle_key, (), jnp.float32, 0.0, 2 * np.pi)
    goal = distance * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return jnp.zeros_like(goal), goal


def _start_sampler(sample_pair: PairSampler) -> Callable[[Key[Array, ""]], EpisodeStart]:
    def sample_start(key: Key[Array, ""]) -> EpisodeStart:
        place, goal = sample_pair(key)
        upright = jnp.zeros(24, jnp.float32).at[2].set(START_HEIGHT).at[3].set(1.0)
        goal = jnp.append(goal, jnp.float32(GOAL_HEIGHT))
        return EpisodeStart(upright.at[:2].set(place), jnp.zeros(23, jnp.float32), goal)

    return sample_start


def _scale_torques(_state: PhysicsState, action: Float[Array, "17"]) -> Float[Array, "17"]:
    return jnp.float32(STRENGTH) * action


def _observe(physics: Physics, state: PhysicsState) -> Float[Array, "246"]:
    links = slice(1, None)
    kinematics = physics.compute_kinematics(state)
    return jnp.concatenate(
        [
            state.qpos,
            state.qvel,
            kinematics.cinert[links].ravel(),
            kinematics.cvel[links].ravel(),
            kinematics.qfrc_actuator,
        ]
    )

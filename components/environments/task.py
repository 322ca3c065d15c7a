"""What makes one goal-reaching task different from another, in one value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from components.environments.mazes import Maze
from components.environments.physics import Physics


class Start(NamedTuple):
    """How an episode begins.

    Attributes:
        qpos: generalised positions.
        qvel: generalised velocities.
        goal: what to reach.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    goal: Float[Array, " g"]


@dataclass(frozen=True)
class Task:
    """A robot, what it sees, where it starts, what it is to reach, and when it has failed.

    Attributes:
        physics: what steps the robot.
        scene: the whole model, every wall included: to be drawn, and stepped by MuJoCo in C.
        draw_start: a fresh start and goal from a random key.
        observe: state part of the observation, (n,), from qpos (nq,) and qvel (nv,).
        goal_indices: entries of the state that are compared with the goal.
        success_radius: Euclidean distance (metres) below which the goal is reached.
        healthy: whether the robot, at qpos (nq,) and qvel (nv,), can go on; if not, it has fallen.
        episode_length: time limit (environment steps).
        maze: the maze that the robot is in, if any.
    """

    physics: Physics
    scene: mujoco.MjModel
    draw_start: Callable[[PRNGKeyArray], Start]
    observe: Callable[[Float[Array, " nq"], Float[Array, " nv"]], Float[Array, " n"]]
    goal_indices: tuple[int, ...]
    success_radius: float
    healthy: Callable[[Float[Array, " nq"], Float[Array, " nv"]], Bool[Array, ""]]
    episode_length: int
    maze: Maze | None = None

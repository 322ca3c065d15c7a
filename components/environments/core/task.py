"""What makes one goal-reaching task different from another, in one value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from components.environments.core.physics import Physics, PhysicsState
from components.environments.mazes.maze import Maze


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


State = Float[Array, " n"]
Goal = Float[Array, " g"]


@dataclass(frozen=True)
class Control:
    """How actions become what the actuators are set to.

    Attributes:
        size: numbers in an action, each in [-1, 1].
        apply: settings of the actuators, (nu,), from the body and an action (size,).
    """

    size: int
    apply: Callable[[PhysicsState, Float[Array, " a"]], Float[Array, " nu"]]


def _always(_body: PhysicsState) -> Bool[Array, ""]:
    return jnp.ones((), bool)


@dataclass(frozen=True)
class Task:
    """A robot, what it sees, where it starts, what it is to reach, and when it has failed.

    Attributes:
        physics: what steps the robot.
        scene: the whole model, every wall included: to be drawn, and stepped by MuJoCo in C.
        draw_start: a fresh start and goal from a random key.
        observe: state part of the observation, (n,), from the body.
        goal_indices: entries of the state that are compared with the goal.
        success_radius: distance (metres) below which the goal is reached.
        episode_length: time limit (environment steps).
        healthy: whether the robot can go on; if not, it has fallen. Always, where left out.
        control: how actions drive the actuators; one action per actuator where left out.
        distance: from an achieved goal (..., g) to a goal (..., g); Euclidean where left out.
        success: whether an achieved goal (..., g) counts as the goal (..., g); distance less than
            the success radius where left out.
        moving_goal: the goal as it is now, from the commanded one and the body; where left out,
            the commanded one.
        maze: the maze that the robot is in, if any. World x and y of the robot are then the first
            two of qpos, and the goal begins with x and y of a place in the maze.
        view: how far from the robot pictures are taken (metres).
    """

    physics: Physics
    scene: mujoco.MjModel
    draw_start: Callable[[PRNGKeyArray], Start]
    observe: Callable[[PhysicsState], State]
    goal_indices: tuple[int, ...]
    success_radius: float
    episode_length: int
    healthy: Callable[[PhysicsState], Bool[Array, ""]] = _always
    control: Control | None = None
    distance: Callable[[Array, Array], Array] | None = None
    success: Callable[[Array, Array], Array] | None = None
    moving_goal: Callable[[Goal, PhysicsState], Goal] | None = None
    maze: Maze | None = None
    view: float = 13.0

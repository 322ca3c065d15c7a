"""The description of a goal-reaching task: everything in which tasks differ."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Bool, Float, Key

from components.environments.core.edited_model import ModelEdit, edit_copy
from components.environments.core.physics import Physics, PhysicsState, refuse_physics
from components.environments.mazes.maze import Maze


class EpisodeStart(NamedTuple):
    """The beginning of an episode.

    Attributes:
        qpos: generalised positions.
        qvel: generalised velocities.
        goal: goal vector.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    goal: Float[Array, " g"]


@dataclass(frozen=True)
class Control:
    """A map from actions to actuator settings.

    Attributes:
        size: action dimension; each entry lies in [-1, 1].
        apply: actuator settings (nu,) from the physics state and an action (size,).
    """

    size: int
    apply: Callable[[PhysicsState, Float[Array, " a"]], Float[Array, " nu"]]


def always_healthy(_state: PhysicsState) -> Bool[Array, ""]:
    """Return True: the task never terminates early."""
    return jnp.ones((), bool)


@dataclass(frozen=True)
class Task:
    """A robot, its observations, its starts and goals, and when an episode fails.

    A function of the task that needs the physics is a `functools.partial(function, physics)`, so
    that `with_model` can replace the physics in it.

    Attributes:
        physics: simulates the robot.
        scene: the whole model, every wall included, for rendering and for MuJoCo in C.
        sample_start: samples a start and a goal from a random key.
        observe: state part of the observation, (n,), from the physics state.
        goal_indices: entries of that state which are compared with the goal.
        success_radius: distance below which the goal counts as reached (metres).
        episode_length: time limit (environment steps).
        healthy: False when the robot has fallen, which terminates the episode. Default: always
            True.
        control: map from actions to actuators. Default: one action per actuator.
        distance: from achieved goals (..., g) to goals (..., g). Default: Euclidean.
        success: whether achieved goals (..., g) count as goals (..., g). Default: a distance less
            than the success radius.
        moving_goal: current goal from the commanded one and the physics state. Default: the
            commanded goal.
        maze: maze around the robot, if any. The first two entries of qpos are then the robot's
            world x and y, and the goal begins with x and y of a place in the maze.
        camera_distance: from the camera to the robot in pictures (metres).
    """

    physics: Physics
    scene: mujoco.MjModel
    sample_start: Callable[[Key[Array, ""]], EpisodeStart]
    observe: Callable[[PhysicsState], Float[Array, " n"]]
    goal_indices: tuple[int, ...]
    success_radius: float
    episode_length: int
    healthy: Callable[[PhysicsState], Bool[Array, ""]] = always_healthy
    control: Control | None = None
    distance: Callable[[Array, Array], Array] | None = None
    success: Callable[[Array, Array], Array] | None = None
    moving_goal: Callable[[Float[Array, " g"], PhysicsState], Float[Array, " g"]] | None = None
    maze: Maze | None = None
    camera_distance: float = 13.0

    def with_model(self, edit: ModelEdit) -> "Task":
        """Return this task with other gears, masses, friction or anything else in its model.

        Args:
            edit: changes a MuJoCo model in place. It is called with a copy of each model that the
                task has.

        Raises:
            ValueError: a function of the task receives the physics in another way than through
                `partial`.
        """
        before, physics = self.physics, self.physics.with_model(edit)
        edited = {id(before.whole): physics.whole, id(before.model): physics.model}
        scene = edited.get(id(self.scene)) or edit_copy(self.scene, edit)
        task = replace(replace_physics(self, physics), scene=scene)
        with refuse_physics(before):
            jax.eval_shape(task._call_functions, jax.random.key(0))
        return task

    def _call_functions(self, key: Key[Array, ""]) -> tuple[Any, ...]:
        """Call the functions of an episode that may use the physics."""
        start = self.sample_start(key)
        state = self.physics.initial_state(start.qpos, start.qvel)
        called: list[Any] = [self.observe(state), self.healthy(state)]
        if self.moving_goal is not None:
            called.append(self.moving_goal(start.goal, state))
        if self.control is not None:
            called.append(self.control.apply(state, jnp.zeros(self.control.size, jnp.float32)))
        return tuple(called)


def replace_physics(task: Task, physics: Physics) -> Task:
    """Return the task with another physics, also in the functions that are partials of the old."""

    def replace_in(value: Any) -> Any:
        if value is task.physics:
            return physics
        if isinstance(value, Control):
            return replace(value, apply=replace_in(value.apply))
        if isinstance(value, partial):
            keywords = {name: replace_in(given) for name, given in value.keywords.items()}
            return partial(value.func, *map(replace_in, value.args), **keywords)
        return value

    return replace(task, **{f.name: replace_in(getattr(task, f.name)) for f in fields(task)})

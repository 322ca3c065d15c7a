"""A picture of a robot in its scene, without a screen."""

import mujoco
import numpy as np

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.rendering.camera import Mark, View, camera
from components.environments.rendering.marks import mark_goal

# Degrees: over the walls of a maze, on which x points to the lower right; elsewhere low enough to
# show heights.
OVER_WALLS, MAZE_AZIMUTH, IN_THE_OPEN = -58.0, 60.0, -35.0
# Metres of camera per metre between robot and goal, so that both are in sight.
REACH = 1.6


def render_frame(
    env: GoalEnvironment, state: EnvState, width: int = 480, height: int = 360
) -> np.ndarray:
    """The robot in its scene and, in green, the goal with its success radius.

    The camera goes up to twice as far away as the task says, to have both in sight.

    Args:
        env: the task.
        state: one (unbatched) state of it.
        width: pixels.
        height: pixels.

    Returns:
        An image (height, width, 3) of uint8.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    data = posed(env, np.asarray(state.physics_state.qpos))
    marks = mark_goal(np.asarray(env.current_goal(state), float), env.task.success_radius)
    with camera(env.task.scene, width, height) as render_video:
        return render_video(data, _facing_both(facing(env, data, marks), marks), marks, "")


def posed(env: GoalEnvironment, qpos: np.ndarray) -> mujoco.MjData:
    """The task's scene with everything in its place.

    Args:
        env: the task.
        qpos: generalised positions (nq,).
    """
    data = mujoco.MjData(env.task.scene)
    data.qpos[:] = qpos
    mujoco.mj_forward(env.task.scene, data)
    return data


def facing(env: GoalEnvironment, data: mujoco.MjData, marks: list[Mark]) -> View:
    """The view of the robot: the first body of the model with all that hangs on it.

    In the open it is seen from the side, the goal to its right.
    """
    target, distance = data.subtree_com[1].copy(), env.task.camera_distance
    if env.task.maze is not None:
        return View(target, distance, OVER_WALLS, MAZE_AZIMUTH)
    x, y, _ = _middle(marks) - data.xpos[1]
    return View(target, distance, IN_THE_OPEN, np.degrees(np.arctan2(y, x)) + 90)


def _facing_both(view: View, marks: list[Mark]) -> View:
    """The same view, or one from further away of the robot and these marks."""
    goal = _middle(marks)
    distance = max(view.distance, REACH * float(np.linalg.norm(goal - view.target)))
    if distance > 2 * view.distance:
        return view
    return view._replace(target=(view.target + goal) / 2, distance=distance)


def _middle(marks: list[Mark]) -> np.ndarray:
    return np.mean([mark.centre for mark in marks], axis=0)

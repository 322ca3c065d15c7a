"""Draw a robot in its scene without a screen."""

import mujoco
import numpy as np

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.rendering.camera import CameraView, Mark, open_camera
from components.environments.rendering.marks import mark_goal

# Degrees: over the walls of a maze, on which x points to the lower right; elsewhere low enough to
# show heights.
OVER_WALLS, MAZE_AZIMUTH, IN_THE_OPEN = -58.0, 60.0, -35.0
# Distance of the camera per metre between robot and goal, so that both are in sight.
REACH = 1.6


def render_frame(
    env: GoalEnvironment, state: EnvState, width: int = 480, height: int = 360
) -> np.ndarray:
    """Draw the robot in its scene and, in green, the goal with its success radius.

    To show both, the camera moves up to twice as far away as the task's camera distance.

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
    data = pose_scene(env, np.asarray(state.physics_state.qpos))
    marks = mark_goal(np.asarray(env.current_goal(state), float), env.task.success_radius)
    with open_camera(env.task.scene, width, height) as take_picture:
        view = _view_of_both(view_of_robot(env, data, marks), marks)
        return take_picture(data, view, marks, "")


def pose_scene(env: GoalEnvironment, qpos: np.ndarray) -> mujoco.MjData:
    """Return the task's scene in a pose.

    Args:
        env: the task.
        qpos: generalised positions (nq,).
    """
    data = mujoco.MjData(env.task.scene)
    data.qpos[:] = qpos
    mujoco.mj_forward(env.task.scene, data)
    return data


def root_body(data: mujoco.MjData) -> int:
    """Return the number of the first body, or that of the world in a scene without bodies."""
    return min(1, len(data.xpos) - 1)


def view_of_robot(env: GoalEnvironment, data: mujoco.MjData, marks: list[Mark]) -> CameraView:
    """Return a view of the robot: the first body of the model and its descendants.

    In the open the robot is seen from the side, with the goal to its right.
    """
    target, distance = data.subtree_com[root_body(data)].copy(), env.task.camera_distance
    if env.task.maze is not None:
        return CameraView(target, distance, OVER_WALLS, MAZE_AZIMUTH)
    x, y, _ = _middle(marks) - data.xpos[root_body(data)]
    return CameraView(target, distance, IN_THE_OPEN, np.degrees(np.arctan2(y, x)) + 90)


def _view_of_both(view: CameraView, marks: list[Mark]) -> CameraView:
    """Return the same view, or one from further away that has robot and marks in sight."""
    goal = _middle(marks)
    distance = max(view.distance, REACH * float(np.linalg.norm(goal - view.target)))
    if distance > 2 * view.distance:
        return view
    return view._replace(target=(view.target + goal) / 2, distance=distance)


def _middle(marks: list[Mark]) -> np.ndarray:
    return np.mean([mark.centre for mark in marks], axis=0)

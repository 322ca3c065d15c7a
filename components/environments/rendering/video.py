"""Write an episode as an animated GIF."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.rendering.camera import open_camera
from components.environments.rendering.marks import mark_goal
from components.environments.rendering.render import pose_scene, root_body, view_of_robot

SECONDS, FRAMES, SHORTEST = 15, 150, 0.05
COLOURS = 128


class FrameChoice(NamedTuple):
    """The states that a video shows.

    Attributes:
        states: indices of the states.
        delay: seconds for which each is shown.
        speed: of the video, relative to the robot's.
    """

    states: list[int]
    delay: float
    speed: int


def write_video(
    env: GoalEnvironment, states: EnvState, file: Path, width: int = 320, height: int = 240
) -> None:
    """Draw consecutive states with a camera that follows the robot, and write a GIF.

    It plays at real speed or, if that would take more than 15 s, at a whole multiple of it, which
    is shown beside the time. It has at most 150 frames. Drawing and writing a frame takes about
    0.02 s of one CPU core.

    Args:
        env: the task.
        states: of one episode, leaves (time, ...).
        file: where to write.
        width: pixels.
        height: pixels.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    chosen = choose_frames(len(states.step), env.task.physics.control_step)
    frames = [Image.fromarray(image) for image in _images(env, states, chosen, width, height)]
    _write(frames, chosen.delay, file)


def choose_frames(count: int, step: float) -> FrameChoice:
    """Choose from `count` states, `step` seconds apart."""
    speed = max(1, math.ceil(count * step / SECONDS))
    delay = max(SHORTEST, step / speed, count * step / speed / FRAMES)
    delay = math.ceil(100 * delay - 1e-6) / 100  # a GIF counts in hundredths of a second
    stride = delay * speed / step
    return FrameChoice(
        [int(i * stride + 1e-6) for i in range(math.ceil(count / stride))], delay, speed
    )


def _images(
    env: GoalEnvironment, states: EnvState, chosen: FrameChoice, width: int, height: int
) -> Iterator[np.ndarray]:
    qpos = np.asarray(states.physics_state.qpos)
    goals = np.asarray(jax.vmap(env.current_goal)(states), float)
    marks = [mark_goal(goals[i], env.task.success_radius) for i in chosen.states]
    data = pose_scene(env, qpos[0])
    root = root_body(data)
    view, origin = view_of_robot(env, data, marks[0]), data.xpos[root].copy()
    with open_camera(env.task.scene, width, height) as take_picture:
        for i, mark in zip(chosen.states, marks, strict=True):
            data = pose_scene(env, qpos[i])
            # Follow the root, so that swinging limbs do not shake the picture.
            beside = view._replace(target=view.target + data.xpos[root] - origin)
            yield take_picture(
                data, beside, mark, _caption(i * env.task.physics.control_step, chosen)
            )


def _caption(seconds: float, chosen: FrameChoice) -> str:
    return f"{seconds:.1f} s" + (f"   {chosen.speed}x" if chosen.speed > 1 else "")


def _write(frames: Sequence[Image.Image], delay: float, file: Path) -> None:
    palette = _palette(frames)
    first, *rest = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=round(1000 * delay), loop=0)


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return one palette for all frames, taken from eight, so that colours do not flicker."""
    some = [np.asarray(frames[i]) for i in np.linspace(0, len(frames) - 1, 8).astype(int)]
    return Image.fromarray(np.concatenate(some)).quantize(COLOURS)

"""An episode as an animated GIF."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.rendering.camera import camera
from components.environments.rendering.marks import mark_goal
from components.environments.rendering.render import facing, posed

SECONDS, FRAMES, SHORTEST = 15, 150, 0.05
COLOURS = 128


class Cut(NamedTuple):
    """Which states a film shows.

    Attributes:
        states: their numbers.
        delay: how long each is shown (seconds).
        speed: how many times as fast as the robot was.
    """

    states: list[int]
    delay: float
    speed: int


def write_video(
    env: GoalEnvironment, states: EnvState, file: Path, width: int = 320, height: int = 240
) -> None:
    """Film consecutive states, the camera going with the robot, and write a GIF.

    It plays at real speed or, where that would take more than 15 s, a whole number of times as
    fast, which the picture says beside the time; it has at most 150 frames. A frame takes about
    0.02 s of one CPU core to draw and to write.

    Args:
        env: the task.
        states: of one episode, leaves (time, ...).
        file: where to write.
        width: pixels.
        height: pixels.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    chosen = cut(len(states.step), env.task.physics.control_step)
    frames = [Image.fromarray(image) for image in _images(env, states, chosen, width, height)]
    _write(frames, chosen.delay, file)


def cut(count: int, step: float) -> Cut:
    """Choose from `count` states, `step` seconds apart."""
    speed = max(1, math.ceil(count * step / SECONDS))
    delay = max(SHORTEST, step / speed, count * step / speed / FRAMES)
    delay = math.ceil(100 * delay - 1e-6) / 100  # a GIF counts in hundredths of a second
    stride = delay * speed / step
    return Cut([int(i * stride + 1e-6) for i in range(math.ceil(count / stride))], delay, speed)


def _images(
    env: GoalEnvironment, states: EnvState, chosen: Cut, width: int, height: int
) -> Iterator[np.ndarray]:
    qpos = np.asarray(states.physics_state.qpos)
    goals = np.asarray(jax.vmap(env.current_goal)(states), float)
    marks = [mark_goal(goals[i], env.task.success_radius) for i in chosen.states]
    data = posed(env, qpos[0])
    view, origin = facing(env, data, marks[0]), data.xpos[1].copy()
    with camera(env.task.scene, width, height) as render_video:
        for i, mark in zip(chosen.states, marks, strict=True):
            data = posed(env, qpos[i])
            # Where the root goes, so that swinging limbs do not shake the picture.
            beside = view._replace(target=view.target + data.xpos[1] - origin)
            yield render_video(
                data, beside, mark, _caption(i * env.task.physics.control_step, chosen)
            )


def _caption(seconds: float, chosen: Cut) -> str:
    return f"{seconds:.1f} s" + (f"   {chosen.speed}x" if chosen.speed > 1 else "")


def _write(frames: Sequence[Image.Image], delay: float, file: Path) -> None:
    palette = _palette(frames)
    first, *rest = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=round(1000 * delay), loop=0)


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """The colours of all frames together, so that they do not flicker; from eight of them."""
    some = [np.asarray(frames[i]) for i in np.linspace(0, len(frames) - 1, 8).astype(int)]
    return Image.fromarray(np.concatenate(some)).quantize(COLOURS)

"""Take pictures of a MuJoCo model without a screen."""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import mujoco
import numpy as np

from components.environments.rendering.opengl import opengl_context

MAX_GEOMS = 2000


class Mark(NamedTuple):
    """A translucent body that is added to the scene.

    Attributes:
        kind: an `mjtGeom`.
        size: in MuJoCo's convention for that kind, (3,) (metres).
        centre: (3,) (metres).
        colour: red, green, blue and opacity.
    """

    kind: mujoco.mjtGeom
    size: np.ndarray
    centre: np.ndarray
    colour: tuple[float, float, float, float]


class CameraView(NamedTuple):
    """The position and direction of the camera.

    Attributes:
        target: point that it looks at, (3,) (metres).
        distance: from the target (metres).
        elevation: of the line of sight, negative when looking down (degrees).
        azimuth: of the line of sight, 0 along x and 90 along y (degrees).
    """

    target: np.ndarray
    distance: float
    elevation: float
    azimuth: float


TakePicture = Callable[[mujoco.MjData, CameraView, list[Mark], str], np.ndarray]


@contextlib.contextmanager
def open_camera(model: mujoco.MjModel, width: int, height: int) -> Iterator[TakePicture]:
    """Yield a function that takes pictures (height, width, 3) of `model`.

    Its arguments are the model's data, of which positions are read, the camera's view, marks, and a
    caption. Opening the camera takes 0.2 s.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    with opengl_context(width, height):
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_resizeOffscreen(width, height, context)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, context)
        scene = mujoco.MjvScene(model, MAX_GEOMS)
        frame = mujoco.MjrRect(0, 0, width, height)

        def take_picture(
            data: mujoco.MjData, view: CameraView, marks: list[Mark], caption: str = ""
        ) -> np.ndarray:
            _arrange(scene, model, data, view, marks)
            mujoco.mjr_render(frame, scene, context)
            if caption:
                _write(caption, frame, context)
            image = np.empty((height, width, 3), np.uint8)
            mujoco.mjr_readPixels(image, None, frame, context)
            return np.flipud(image)

        try:
            yield take_picture
        finally:
            context.free()


def _arrange(
    scene: mujoco.MjvScene,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    view: CameraView,
    marks: list[Mark],
) -> None:
    """Fill the scene with the model in its present pose, and with the marks."""
    eye = mujoco.MjvCamera()
    eye.lookat[:] = view.target
    eye.distance, eye.elevation, eye.azimuth = view.distance, view.elevation, view.azimuth
    everything = mujoco.mjtCatBit.mjCAT_ALL
    mujoco.mjv_updateScene(model, data, mujoco.MjvOption(), None, eye, everything, scene)
    for mark in marks:
        colour = np.array(mark.colour, np.float32)
        geom, upright = scene.geoms[scene.ngeom], np.eye(3).ravel()
        mujoco.mjv_initGeom(geom, mark.kind, mark.size, mark.centre, upright, colour)
        scene.ngeom += 1


def _write(caption: str, frame: mujoco.MjrRect, context: mujoco.MjrContext) -> None:
    font, corner = mujoco.mjtFont.mjFONT_NORMAL, mujoco.mjtGridPos.mjGRID_TOPLEFT
    mujoco.mjr_overlay(font, corner, frame, caption, "", context)

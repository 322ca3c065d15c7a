"""A photograph of a MuJoCo model, without a screen."""

import contextlib
import os
import platform
from collections.abc import Iterator
from typing import Any

import mujoco
import numpy as np

# Metres from the robot, and degrees above the floor: high enough to see over the walls.
DISTANCE = 13.0
ELEVATION = -58.0
AZIMUTH = 60.0
MARKER_HEIGHT = 0.04
MAX_GEOMS = 2000
MARKER_COLOUR = (0.16, 0.62, 0.25, 0.6)


class RenderError(RuntimeError):
    """This machine cannot draw in three dimensions."""


def photograph(
    model: mujoco.MjModel,
    qpos: np.ndarray,
    marker: np.ndarray,
    marker_radius: float,
    size: tuple[int, int],
) -> np.ndarray:
    """The model at `qpos` (nq,), seen at an angle from above, as an image (height, width, 3).

    Args:
        model: what to draw.
        qpos: generalised positions.
        marker: where to draw a disc (x, y, z in metres).
        marker_radius: of that disc (metres).
        size: width and height (pixels).

    Raises:
        RenderError: no OpenGL on this machine.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    scene = mujoco.MjvScene(model, MAX_GEOMS)
    mujoco.mjv_updateScene(
        model,
        data,
        mujoco.MjvOption(),
        None,
        _camera(data.body(1).xpos),
        mujoco.mjtCatBit.mjCAT_ALL,
        scene,
    )
    _add_disc(scene, marker, marker_radius)
    return _draw(model, scene, size)


def _camera(target: np.ndarray) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.lookat[:] = target
    camera.distance, camera.elevation, camera.azimuth = DISTANCE, ELEVATION, AZIMUTH
    return camera


def _add_disc(scene: mujoco.MjvScene, centre: np.ndarray, radius: float) -> None:
    mujoco.mjv_initGeom(
        scene.geoms[scene.ngeom],
        mujoco.mjtGeom.mjGEOM_CYLINDER,
        np.array([radius, MARKER_HEIGHT / 2, 0]),
        centre + np.array([0, 0, MARKER_HEIGHT / 2]),
        np.eye(3).ravel(),
        np.array(MARKER_COLOUR, np.float32),
    )
    scene.ngeom += 1


def _draw(model: mujoco.MjModel, scene: mujoco.MjvScene, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
    model.vis.global_.offheight = max(height, model.vis.global_.offheight)
    image = np.empty((height, width, 3), np.uint8)
    with _gl_context(width, height):
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, context)
        view = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(view, scene, context)
        mujoco.mjr_readPixels(image, None, view, context)
        context.free()
    return np.flipud(image)


@contextlib.contextmanager
def _gl_context(width: int, height: int) -> Iterator[None]:
    """Somewhere to draw: what MUJOCO_GL names, else EGL on Linux and the system's own elsewhere."""
    try:
        gl = _gl_class()(width, height)
        gl.make_current()
    # The bindings fail in many ways (ImportError, AttributeError, FatalError, EGLError, ...).
    except Exception as error:
        raise RenderError(
            f"cannot draw: OpenGL does not start here ({type(error).__name__}: {error}). "
            "On Linux install libegl1 and libgl1, or set MUJOCO_GL=osmesa and install libosmesa6; "
            "render.top_view needs none of them."
        ) from error
    try:
        yield
    finally:
        gl.free()


def _gl_class() -> Any:
    # MUJOCO_GL is read by MuJoCo when it is imported, which has happened; EGL can still be had.
    if "MUJOCO_GL" in os.environ or platform.system() != "Linux":
        return mujoco.GLContext
    from mujoco.egl import GLContext

    return GLContext

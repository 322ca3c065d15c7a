"""OpenGL without a screen."""

import contextlib
import os
import platform
from collections.abc import Iterator
from typing import Any

import mujoco


class RenderError(RuntimeError):
    """This machine cannot draw in three dimensions."""


@contextlib.contextmanager
def opengl_context(width: int, height: int) -> Iterator[None]:
    """Make an OpenGL context current: the one of MUJOCO_GL, else EGL on Linux, else the system's.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    try:
        context = _context_class()(width, height)
        context.make_current()
    # The bindings fail in many ways (ImportError, AttributeError, FatalError, EGLError, ...).
    except Exception as error:
        raise RenderError(
            f"cannot draw: OpenGL does not start here ({type(error).__name__}: {error}). "
            "On Linux install libegl1 and libgl1, or set MUJOCO_GL=osmesa and install libosmesa6; "
            "views from above need none of them."
        ) from error
    try:
        yield
    finally:
        context.free()


def _context_class() -> Any:
    # MuJoCo reads MUJOCO_GL when it is imported, which has happened; EGL can still be chosen.
    if "MUJOCO_GL" in os.environ or platform.system() != "Linux":
        return mujoco.GLContext
    from mujoco.egl import GLContext

    return GLContext

"""Imports MJX without the two lines it prints.

MJX prints to standard output that its optional Warp backend is missing, which is not used here.
Standard output belongs to the program that imports this package, so the lines are held back.
Import `mjx` from here: a plain import that comes first would print them.
"""

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):
    from mujoco import mjx
    from mujoco.mjx._src import scan

__all__ = ["mjx", "scan"]

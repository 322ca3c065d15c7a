"""Read-only models and edited copies.

MJX copies a MuJoCo model once, so a later change of the model would have no effect.
"""

import copy
import hashlib
from collections.abc import Callable

import mujoco
import numpy as np

# MuJoCo's own numbers; the models of the robots have fewer iterations, which suit MJX.
_ITERATIONS, _LS_ITERATIONS = 100, 50

# Changes a MuJoCo model in place.
ModelEdit = Callable[[mujoco.MjModel], None]


def edit_copy(model: mujoco.MjModel, edit: ModelEdit) -> mujoco.MjModel:
    """Return a copy that `edit` has changed, with the constants that MuJoCo derives from it."""
    edited = copy.deepcopy(model)
    edit(edited)
    mujoco.mj_setConst(edited, mujoco.MjData(edited))
    return edited


def with_converging_solver(model: mujoco.MjModel) -> mujoco.MjModel:
    """Return a copy whose constraint solver runs until it has converged."""
    model = copy.copy(model)
    model.opt.iterations = max(model.opt.iterations, _ITERATIONS)
    model.opt.ls_iterations = max(model.opt.ls_iterations, _LS_ITERATIONS)
    return model


def make_read_only(model: mujoco.MjModel) -> None:
    """Make NumPy refuse to write into the arrays of a model and of its options."""
    for part in (model, model.opt):
        for name in dir(part):
            value = None if name.startswith("_") else getattr(part, name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False


def model_digest(model: mujoco.MjModel) -> bytes:
    """Return a hash of everything in a model, to notice changes that NumPy cannot refuse.

    Named parts (`model.actuator("hip").gear`) and numbers (`model.opt.timestep`) stay writable.
    """
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return hashlib.blake2b(buffer.tobytes()).digest()

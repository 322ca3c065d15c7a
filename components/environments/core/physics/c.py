"""MuJoCo in C on the cores of a CPU, called back from the compiled program.

A step is a function of a small state: every call writes whole rows of a batch of simulations, so
it does not matter which batch, of which size, computes it, nor on how many threads. Numbers are
float64 inside and float32 at the door, and what is carried is what a checkpoint keeps.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import mujoco
import numpy as np
from jax.experimental.buffer_callback import buffer_callback
from jaxtyping import Array, Float
from mujoco.batch import Batch

from components.environments.core.edited_model import with_converging_solver
from components.environments.core.physics.batches import Batches
from components.environments.core.physics.engine import PhysicsEngine, Robot
from components.environments.core.physics.state import Kinematics, PhysicsState

_NO_CONTACTS = mujoco.mjtDisableBit.mjDSBL_CONTACT | mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
_FIELDS = ("qpos", "qvel", "qacc_warmstart", "ctrl")


@dataclass(frozen=True)
class C(PhysicsEngine):
    """MuJoCo in C: steps all environments on every core of a CPU; nothing of it is compiled."""

    uses_every_core = True

    def problem(self, robot: Robot, platform: str) -> str | None:
        if platform != "cpu":
            return f"is physics.C, which runs on a CPU; this is a {platform}. Use physics.MJX."
        if robot.update_model is not None and robot.whole is robot.model:
            return "is physics.C, for which the task has no model with all walls. Use physics.MJX."
        return None

    def simulate(self, robot: Robot) -> "CSimulation":
        return CSimulation(robot)


class CSimulation:
    """A robot in MuJoCo's C library.

    The solver runs until it has converged, and every wall is in the model: what nothing touches
    costs nothing. Poses come from a copy of the model in which nothing touches anything.
    """

    def __init__(self, robot: Robot):
        self._substeps = robot.substeps
        self._stepped = Batches(converging(robot.whole), _FIELDS[:3])
        self._posed = Batches(_without_contacts(robot.model), Kinematics._fields)

    def apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        before = (state.qpos, state.qvel, state.warmstart)
        shapes = [x.shape for x in before]
        qpos, qvel, warmstart = _call_back(self._step, shapes, *before, ctrl)
        return PhysicsState(qpos, qvel, warmstart, ctrl)

    def compute_kinematics(self, state: PhysicsState) -> Kinematics:
        found = Kinematics(*_call_back(self._pose, self._posed.result_shapes(), *state))
        return found._replace(xmat=found.xmat.reshape(-1, 3, 3))

    def _step(self, *state: np.ndarray) -> list[np.ndarray]:
        def advance(batch: Batch, ids: np.ndarray | None) -> None:
            batch.step(ids, nstep=self._substeps)

        return self._stepped.call(advance, dict[str, np.ndarray](zip(_FIELDS, state, strict=True)))

    def _pose(self, *state: np.ndarray) -> list[np.ndarray]:
        state_by_name = dict[str, np.ndarray](zip(_FIELDS, state, strict=True))
        return self._posed.call(lambda batch, ids: batch.forward(ids), state_by_name)


def _call_back(
    function: Callable[..., list[np.ndarray]], shapes: list[tuple[int, ...]], *arrays: Array
) -> list[Array]:
    """Call a function of NumPy arrays from a compiled program; one call has all of a batch.

    `jax.pure_callback` hands over arrays of JAX, whose copies wait for threads that are all inside
    of callbacks if several devices step large batches at once: it hangs.
    """

    def write_results(_context: Any, results: list[Any], *given: Any) -> None:
        found = function(*map(np.asarray, given))
        for result, values in zip(results, found, strict=True):
            np.asarray(result)[...] = values

    float32 = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    return buffer_callback(write_results, float32, vmap_method="broadcast_all")(*arrays)


def converging(model: mujoco.MjModel) -> mujoco.MjModel:
    """Return a copy whose solver converges, and which does not begin anew where it diverges."""
    model = with_converging_solver(model)
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    return model


def _without_contacts(model: mujoco.MjModel) -> mujoco.MjModel:
    model = copy.copy(model)
    model.opt.disableflags |= _NO_CONTACTS | mujoco.mjtDisableBit.mjDSBL_AUTORESET
    return model

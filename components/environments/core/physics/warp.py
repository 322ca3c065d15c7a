"""MuJoCo-Warp, MuJoCo in NVIDIA's Warp, called from the compiled program through MJX."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from components.constraints import PositiveInt, check
from components.environments.core.edited_model import with_converging_solver
from components.environments.core.physics.engine import PhysicsEngine, Robot
from components.environments.core.physics.mjx import MJX, fill_data, mjx_tracing
from components.environments.core.physics.state import Kinematics, PhysicsState
from components.environments.core.physics.warp_buffers import Sizes, bound_sizes
from components.environments.core.physics.warp_overflow import SPACE_FLAGS, report_overflow
from components.environments.workarounds.quiet_mjx import mjx


@dataclass(frozen=True)
class Warp(PhysicsEngine):
    """MuJoCo-Warp, for NVIDIA GPUs; on a CPU it is slow (`pip install 'kilolayer[warp]'`).

    Attributes:
        max_contacts: contacts for which there is space, per environment; by default as many as the
            shapes of the robot allow.
        max_constraints: constraint rows of each environment for which there is space; likewise.
    """

    max_contacts: PositiveInt | None = None
    max_constraints: PositiveInt | None = None

    def __post_init__(self) -> None:
        check(Warp, **vars(self))

    def problem(self, robot: Robot, platform: str) -> str | None:
        if importlib.util.find_spec("warp") is None:
            what = "needs the package warp-lang (pip install 'kilolayer[warp]')"
        elif platform not in ("cpu", "gpu"):
            what = f"runs on NVIDIA GPUs and on CPUs; this is a {platform}"
        elif robot.update_model is not None and robot.whole is robot.model:
            what = "needs a model with all walls, which the task does not have"
        else:
            return None
        return f"is physics.Warp, which {what}. Use physics.MJX."

    def simulate(self, robot: Robot) -> "WarpSimulation":
        bound = bound_sizes(robot.whole)
        contacts, constraints = self.max_contacts, self.max_constraints
        return WarpSimulation(
            robot, Sizes(contacts or bound.contacts, constraints or bound.constraints)
        )


class WarpSimulation:
    """A robot in MuJoCo-Warp.

    Every wall is in the model, since what nothing touches costs little, and the solver runs until
    it has converged. Environments are stepped in one call whose buffers hold all of them. If the
    buffers are too small, the positions of the environments concerned become NaN, and the reason is
    kept for `take_overflow`. Poses come from MJX.
    """

    def __init__(self, robot: Robot, sizes: Sizes):
        warp: Any = import_module("warp")  # type checkers would take it for this file
        # Standard output belongs to the program: no greeting, and no line for each kernel.
        warp.config.log_level = warp.LOG_WARNING
        self._substeps, self._sizes = robot.substeps, sizes
        self._model = with_converging_solver(robot.whole)
        with jax.ensure_compile_time_eval(), mjx_tracing(self._model):
            model = mjx.put_model(self._model, impl="warp")
            # Otherwise its kernels print what is reported here.
            model = model.tree_replace({"opt._impl.warn_overflow": 0})
            self._warp_model = jax.tree.map(np.asarray, model)
        self._posed = MJX().simulate(robot)
        self._step = jax.custom_batching.custom_vmap(self._step_batch)
        self._step.def_vmap(self._step_batches)

    def apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        alone = jax.tree.map(lambda x: x[None], state._replace(ctrl=ctrl))
        return jax.tree.map(lambda x: x[0], self._step(alone))

    def compute_kinematics(self, state: PhysicsState) -> Kinematics:
        return self._posed.compute_kinematics(state)

    def _step_batches(
        self, count: int, is_batched: Sequence[Any], states: PhysicsState
    ) -> tuple[PhysicsState, Any]:
        """Step (count, n) environments as one batch: the rule of `vmap`."""

        def flatten(x: Array, has_axis: bool) -> Array:
            x = x if has_axis else jnp.broadcast_to(x, (count, *x.shape))
            return x.reshape(-1, *x.shape[2:])

        stepped = self._step(jax.tree.map(flatten, states, is_batched[0]))
        stepped = jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), stepped)
        return stepped, jax.tree.map(lambda _: True, stepped)

    def _step_batch(self, states: PhysicsState) -> PhysicsState:
        """Simulate one control step of n environments."""
        with mjx_tracing(self._model):
            model = jax.tree.map(jnp.asarray, self._warp_model)
            advance = jax.vmap(partial(_advance, model, self._make_template(len(states.qpos))))

            def substep(states: PhysicsState, _: None) -> tuple[PhysicsState, Int[Array, " n"]]:
                return advance(states)

            states, flags = jax.lax.scan(substep, states, None, length=self._substeps)
            flags = jnp.bitwise_or.reduce(flags & SPACE_FLAGS, axis=0)
        report_overflow(flags, self._sizes)
        qpos = jnp.where((flags == 0)[:, None], states.qpos, jnp.float32(jnp.nan))
        return states._replace(qpos=qpos)

    def _make_template(self, count: int) -> mjx.Data:
        """Return the data of MuJoCo-Warp for a number of environments."""
        contacts, constraints = count * self._sizes.contacts, self._sizes.constraints
        with jax.ensure_compile_time_eval():
            data = mjx.make_data(self._model, impl="warp", naconmax=contacts, njmax=constraints)
            data = jax.tree.map(np.asarray, data)
        return jax.tree.map(_as_constant, data)


def _advance(
    model: mjx.Model, template: mjx.Data, state: PhysicsState
) -> tuple[PhysicsState, Int[Array, ""]]:
    data = mjx.step(model, fill_data(template, state))
    stepped = PhysicsState(data.qpos, data.qvel, data.qacc_warmstart, state.ctrl)
    return stepped, data._impl.overflow.reshape(())


def _as_constant(values: np.ndarray) -> Array:
    """Return an array of a traced program; equal values are filled in rather than stored there."""
    first = values.flat[0] if values.size else 0
    return (
        jnp.full(values.shape, first, values.dtype)
        if np.all(values == first)
        else jnp.asarray(values)
    )

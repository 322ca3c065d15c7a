"""MJX, MuJoCo in JAX, as a pure function of a small state."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakValueDictionary

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

from components.environments.core.edited_model import model_digest
from components.environments.core.physics.engine import PhysicsEngine, Robot
from components.environments.core.physics.state import Kinematics, PhysicsState
from components.environments.core.physics.straight_line import as_straight_line
from components.environments.workarounds.kinematics_barrier import (
    barriers_between_links,
    has_long_chain,
)
from components.environments.workarounds.lapack_deadlock import factorise_in_parts
from components.environments.workarounds.quiet_mjx import mjx
from components.target_devices import target_platform

_KINEMATICS_STAGES = (
    mjx.kinematics,
    mjx.com_pos,
    mjx.tendon,
    mjx.transmission,
    mjx.fwd_velocity,
    mjx.fwd_actuation,
)


@dataclass(frozen=True)
class MJX(PhysicsEngine):
    """MuJoCo in JAX (MJX): runs on every device, as a part of the compiled program."""

    def simulate(self, robot: Robot) -> "MJXSimulation":
        alike = model_digest(robot.model), robot.substeps, robot.update_model
        simulation = _simulations.get(alike)
        if simulation is None:
            simulation = _simulations[alike] = MJXSimulation(robot)
        return simulation


class MJXSimulation:
    """A robot in MJX.

    MJX takes seconds to trace, so each function is traced once for all programs of a run.
    `inline=True` leaves the compiled programs as they would be without that. Arrays are kept in
    NumPy, so that nothing of a program that is being traced leaks out.
    """

    def __init__(self, robot: Robot):
        factorise_in_parts()
        self._robot = robot
        with jax.ensure_compile_time_eval(), mjx_tracing(robot.model):
            self.model = jax.tree.map(np.asarray, mjx.put_model(robot.model, impl="jax"))
            self.template = jax.tree.map(np.asarray, mjx.make_data(robot.model, impl="jax"))
        self.apply_control = jax.jit(self._apply_control_on_target, inline=True)
        self.compute_kinematics = jax.jit(self._compute_kinematics, inline=True)

    def _apply_control_on_target(
        self, state: PhysicsState, ctrl: Float[Array, " nu"]
    ) -> PhysicsState:
        """Apply control in the form that suits the devices of the program."""
        if target_platform() != "gpu":
            return self._apply_control(state, ctrl)
        # The solver's loop is the only one whose length is not known.
        most_rounds = int(self._robot.model.opt.iterations)
        return as_straight_line(self._apply_control, most_rounds)(state, ctrl)

    def _apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        with mjx_tracing(self._robot.model):
            model, template = self._as_jax_arrays()
            update_model = self._robot.update_model or (lambda model, _qpos: model)

            def substep(state: PhysicsState, _: None) -> tuple[PhysicsState, None]:
                data = mjx.step(update_model(model, state.qpos), fill_data(template, state))
                return PhysicsState(data.qpos, data.qvel, data.qacc_warmstart, data.ctrl), None

            started = state._replace(ctrl=ctrl)
            return jax.lax.scan(substep, started, None, length=self._robot.substeps)[0]

    def _compute_kinematics(self, state: PhysicsState) -> Kinematics:
        with mjx_tracing(self._robot.model):
            model, template = self._as_jax_arrays()
            data = fill_data(template, state)
            for stage in _KINEMATICS_STAGES:
                data = stage(model, data)
            return Kinematics(
                data.xpos,
                data.xmat,
                data.geom_xpos,
                data.site_xpos,
                data._impl.cinert,
                data.cvel,
                data.subtree_com,
                data.actuator_force,
                data.qfrc_actuator,
            )

    def _as_jax_arrays(self) -> tuple[mjx.Model, mjx.Data]:
        return jax.tree.map(jnp.asarray, (self.model, self.template))


# Those in use, by what makes them differ. Mazes for training and for evaluation often differ in
# their starts and goals alone: their physics is traced once.
_simulations: WeakValueDictionary[tuple, MJXSimulation] = WeakValueDictionary()


def fill_data(template: mjx.Data, state: PhysicsState) -> mjx.Data:
    """Return MJX's data with this state in place of the template's."""
    return template.replace(
        qpos=state.qpos, qvel=state.qvel, qacc_warmstart=state.warmstart, ctrl=state.ctrl
    )


@contextlib.contextmanager
def mjx_tracing(model: mujoco.MjModel) -> Iterator[None]:
    """Set what MJX needs while it is traced, whatever the caller has set.

    MJX relies on JAX's ordinary promotion rules; a long chain of links needs barriers.
    """
    promotion, ranks = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    long = has_long_chain(model)
    with promotion, ranks, barriers_between_links() if long else contextlib.nullcontext():
        yield

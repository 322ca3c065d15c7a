"""MJX as a pure function of a small state; the rest of the package sees MJX through this file.

A step needs only positions, velocities and the solver's warm start. Everything else in `mjx.Data`
is computed inside the step from a template, so parallel environments, replayed states and the
choice between stepping and resetting never carry it.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

from components.environments.core.edited_model import (
    ModelEdit,
    edit_copy,
    make_read_only,
    model_digest,
)
from components.environments.workarounds.kinematics_barrier import (
    barriers_between_links,
    has_long_chain,
)
from components.environments.workarounds.lapack_deadlock import factorise_in_parts
from components.environments.workarounds.quiet_mjx import mjx


class PhysicsState(NamedTuple):
    """The simulation state carried from one step to the next.

    Attributes:
        qpos: generalised positions (metres, radians, unit quaternions).
        qvel: generalised velocities.
        warmstart: accelerations from which the constraint solver starts.
        ctrl: latest actuator settings; zero in an initial state.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    warmstart: Float[Array, " nv"]
    ctrl: Float[Array, " nu"]


class Kinematics(NamedTuple):
    """Poses, inertias and forces derived from a `PhysicsState`, in world coordinates.

    Attributes:
        xpos: positions of body frames (metres).
        xmat: their orientations.
        geom_xpos: centres of geoms (metres).
        site_xpos: positions of sites (metres).
        cinert: inertia of each body about the centre of mass of its tree: six entries of the tensor
            (xx, yy, zz, xy, xz, yz), mass times offset (3), mass.
        cvel: velocity of each body there: angular (3), then linear (3).
        subtree_com: centre of mass of each body with its descendants (metres).
        actuator_force: force of each actuator (N or N m).
        qfrc_actuator: the same along the degrees of freedom.
    """

    xpos: Float[Array, "bodies 3"]
    xmat: Float[Array, "bodies 3 3"]
    geom_xpos: Float[Array, "geoms 3"]
    site_xpos: Float[Array, "sites 3"]
    cinert: Float[Array, "bodies 10"]
    cvel: Float[Array, "bodies 6"]
    subtree_com: Float[Array, "bodies 3"]
    actuator_force: Float[Array, " nu"]
    qfrc_actuator: Float[Array, " nv"]


# Changes the model before a physics step, from the positions there.
ModelUpdate = Callable[[mjx.Model, Float[Array, " nq"]], mjx.Model]

# The physics that must no longer be used in this context.
_replaced: ContextVar["Physics | None"] = ContextVar("_replaced", default=None)

_KINEMATICS_STAGES = (
    mjx.kinematics,
    mjx.com_pos,
    mjx.tendon,
    mjx.transmission,
    mjx.fwd_velocity,
    mjx.fwd_actuation,
)


class Physics:
    """One robot in its surroundings, simulated by MJX.

    Arrays are kept in NumPy, so a `Physics` can be made while JAX is tracing, and pickles. They are
    copies of the model's, which becomes read-only: use `Task.with_model` for changes.
    """

    def __init__(
        self, model: mujoco.MjModel, substeps: int, update_model: ModelUpdate | None = None
    ):
        """
        Args:
            model: compiled MuJoCo model. Its arrays are made read-only.
            substeps: physics steps of `model.opt.timestep` seconds per control step.
            update_model: changes the model before every physics step, from the positions there.
        """
        factorise_in_parts()
        make_read_only(model)
        self.model = model
        self._digest = model_digest(model)
        self.substeps = substeps
        self._update_model = update_model
        with jax.ensure_compile_time_eval(), _mjx_tracing(self.model):
            self._mjx_model = jax.tree.map(np.asarray, mjx.put_model(model, impl="jax"))
            self._template = jax.tree.map(np.asarray, mjx.make_data(model, impl="jax"))

    def __getstate__(self) -> dict[str, Any]:
        """Drop the functions that JAX has traced, which do not pickle."""
        return {name: value for name, value in vars(self).items() if name != "_traced_functions"}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Restore a pickled physics, whose model is read-only again."""
        vars(self).update(attributes)
        make_read_only(self.model)

    def with_model(self, edit: ModelEdit) -> "Physics":
        """Return the physics of a copy of the model that `edit` has changed."""
        return Physics(edit_copy(self.model, edit), self.substeps, self._update_model)

    @property
    def control_step(self) -> float:
        """Seconds between two actions."""
        return self.substeps * float(self.model.opt.timestep)

    def initial_state(self, qpos: Float[Array, " nq"], qvel: Float[Array, " nv"]) -> PhysicsState:
        """Return a state with these positions and velocities, a cold solver and idle actuators."""
        idle = jnp.zeros(self.model.nu, qvel.dtype)
        return PhysicsState(qpos, qvel, jnp.zeros_like(qvel), idle)

    def apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        """Simulate one control step under constant `ctrl`; MuJoCo clips it to the actuators'
        range.

        Raises:
            ValueError: the model has changed since MJX copied it.
        """
        self._check_use()
        return self._traced_functions[0](state, ctrl)

    def compute_kinematics(self, state: PhysicsState) -> Kinematics:
        """Compute poses, inertias and forces; unused fields cost nothing once compiled.

        Raises:
            ValueError: the model has changed since MJX copied it.
        """
        self._check_use()
        return self._traced_functions[1](state)

    def _check_use(self) -> None:
        """Raise ValueError if the model was changed, or if this physics has been replaced."""
        if model_digest(self.model) != self._digest:
            raise ValueError(
                "the MuJoCo model was changed after MJX had copied it, so the change would have no "
                "effect; make a changed task with task.with_model(edit), where edit(model) changes "
                "the model in place."
            )
        if _replaced.get() is self:
            raise ValueError(
                "a function of this task uses the physics that with_model replaces; give the task "
                "functools.partial(function, physics) in its place, whose physics can be replaced."
            )

    @cached_property
    def _traced_functions(self) -> tuple[Callable[..., PhysicsState], Callable[..., Kinematics]]:
        """`_apply_control` and `_compute_kinematics`, traced once for all programs of a run.

        MJX takes seconds to trace. `inline=True` leaves the compiled programs as they would be
        without this cache.
        """
        step, kinematics = self._apply_control, self._compute_kinematics
        return jax.jit(step, inline=True), jax.jit(kinematics, inline=True)

    def _apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        with _mjx_tracing(self.model):
            model, template = self._as_jax_arrays()
            update_model = self._update_model or (lambda model, _qpos: model)

            def substep(state: PhysicsState, _: None) -> tuple[PhysicsState, None]:
                data = mjx.step(update_model(model, state.qpos), _fill_data(template, state))
                return PhysicsState(data.qpos, data.qvel, data.qacc_warmstart, data.ctrl), None

            return jax.lax.scan(substep, state._replace(ctrl=ctrl), None, length=self.substeps)[0]

    def _compute_kinematics(self, state: PhysicsState) -> Kinematics:
        with _mjx_tracing(self.model):
            model, template = self._as_jax_arrays()
            data = _fill_data(template, state)
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
        return jax.tree.map(jnp.asarray, (self._mjx_model, self._template))


def _fill_data(template: mjx.Data, state: PhysicsState) -> mjx.Data:
    return template.replace(
        qpos=state.qpos, qvel=state.qvel, qacc_warmstart=state.warmstart, ctrl=state.ctrl
    )


@contextlib.contextmanager
def refuse_physics(physics: Physics) -> Iterator[None]:
    """Raise ValueError wherever this context uses `physics`."""
    token = _replaced.set(physics)
    try:
        yield
    finally:
        _replaced.reset(token)


@contextlib.contextmanager
def _mjx_tracing(model: mujoco.MjModel) -> Iterator[None]:
    """Set what MJX needs while it is traced, whatever the caller has set.

    MJX relies on JAX's ordinary promotion rules; a long chain of links needs barriers.
    """
    promotion, ranks = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    long = has_long_chain(model)
    with promotion, ranks, barriers_between_links() if long else contextlib.nullcontext():
        yield

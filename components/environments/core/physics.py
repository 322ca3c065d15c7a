"""MJX as a pure function of a small state: all that the rest of the package knows of it.

A step needs only positions, velocities and the solver's warm start. Everything else in `mjx.Data`
is worked out inside the step from a template, so that parallel environments, replay of states and
the choice between going on and starting afresh never touch it.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

from components.environments.workarounds.kinematics_barrier import has_long_chain, links_apart
from components.environments.workarounds.lapack_deadlock import factorise_in_parts
from components.environments.workarounds.quiet_mjx import mjx


class PhysicsState(NamedTuple):
    """What physics carries from one step to the next.

    Attributes:
        qpos: generalised positions (metres, radians, unit quaternions).
        qvel: generalised velocities.
        warmstart: accelerations from which the constraint solver starts.
        ctrl: what the actuators were last set to; zero at rest.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    warmstart: Float[Array, " nv"]
    ctrl: Float[Array, " nu"]


class Kinematics(NamedTuple):
    """Positions and frames that follow from a `PhysicsState`, in world coordinates.

    Attributes:
        xpos: positions of body frames (metres).
        xmat: their orientations.
        geom_xpos: centres of geoms (metres).
        site_xpos: positions of sites (metres).
        cinert: inertia of each body about the centre of mass of its tree: six of the tensor
            (xx, yy, zz, xy, xz, yz), mass times offset (3), mass.
        cvel: velocity of each body there: angular (3), then linear (3).
        subtree_com: centre of mass of each body with its descendants (metres).
        actuator_force: of each actuator (N or N m).
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

_MECHANICS = (
    mjx.kinematics,
    mjx.com_pos,
    mjx.tendon,
    mjx.transmission,
    mjx.fwd_velocity,
    mjx.fwd_actuation,
)


class Physics:
    """One robot in its surroundings, stepped by MJX.

    Arrays are kept in NumPy: a `Physics` can be made while JAX is tracing, and pickled.
    """

    def __init__(
        self, model: mujoco.MjModel, substeps: int, update_model: ModelUpdate | None = None
    ):
        """
        Args:
            model: compiled MuJoCo model.
            substeps: physics steps of `model.opt.timestep` seconds per control step.
            update_model: changes the model before every physics step, from the positions there.
        """
        factorise_in_parts()
        self.model = model
        self.substeps = substeps
        self._update_model = update_model
        with jax.ensure_compile_time_eval(), _mjx_tracing(self.model):
            self._mjx_model = jax.tree.map(np.asarray, mjx.put_model(model, impl="jax"))
            self._template = jax.tree.map(np.asarray, mjx.make_data(model, impl="jax"))

    def __getstate__(self) -> dict[str, Any]:
        """Without what JAX has traced, which does not pickle."""
        return {name: value for name, value in vars(self).items() if name != "_traced_once"}

    @property
    def control_step(self) -> float:
        """Seconds between two actions."""
        return self.substeps * float(self.model.opt.timestep)

    def rest(self, qpos: Float[Array, " nq"], qvel: Float[Array, " nv"]) -> PhysicsState:
        """A body at these positions and velocities, with a cold solver and idle actuators."""
        idle = jnp.zeros(self.model.nu, qvel.dtype)
        return PhysicsState(qpos, qvel, jnp.zeros_like(qvel), idle)

    def advance(self, body: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        """One control step under constant `ctrl`; MuJoCo clips it to the actuators' range."""
        return self._traced_once[0](body, ctrl)

    def mechanics(self, body: PhysicsState) -> Kinematics:
        """Where everything is and how it moves; what is not read costs nothing once compiled."""
        return self._traced_once[1](body)

    @cached_property
    def _traced_once(self) -> tuple[Callable[..., PhysicsState], Callable[..., Kinematics]]:
        """`_advance` and `_mechanics`; MJX takes seconds to trace, and a run has many programs."""
        return jax.jit(self._advance, inline=True), jax.jit(self._mechanics, inline=True)

    def _advance(self, body: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        with _mjx_tracing(self.model):
            model, template = self._on_device()
            update_model = self._update_model or (lambda model, _qpos: model)

            def substep(body: PhysicsState, _: None) -> tuple[PhysicsState, None]:
                data = mjx.step(update_model(model, body.qpos), _data(template, body))
                return PhysicsState(data.qpos, data.qvel, data.qacc_warmstart, data.ctrl), None

            return jax.lax.scan(substep, body._replace(ctrl=ctrl), None, length=self.substeps)[0]

    def _mechanics(self, body: PhysicsState) -> Kinematics:
        with _mjx_tracing(self.model):
            model, template = self._on_device()
            data = _data(template, body)
            for stage in _MECHANICS:
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

    def _on_device(self) -> tuple[mjx.Model, mjx.Data]:
        return jax.tree.map(jnp.asarray, (self._mjx_model, self._template))


def _data(template: mjx.Data, body: PhysicsState) -> mjx.Data:
    return template.replace(
        qpos=body.qpos, qvel=body.qvel, qacc_warmstart=body.warmstart, ctrl=body.ctrl
    )


@contextlib.contextmanager
def _mjx_tracing(model: mujoco.MjModel) -> Iterator[None]:
    """MJX relies on JAX's ordinary promotion rules, whatever the caller has chosen for itself."""
    promotion, ranks = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    with promotion, ranks, links_apart() if has_long_chain(model) else contextlib.nullcontext():
        yield

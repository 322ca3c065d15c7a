"""MJX as a pure function of a small state: all that the rest of the package knows of it.

A step needs only positions, velocities and the solver's warm start. Everything else in `mjx.Data`
is worked out inside the step from a template, so that parallel environments, replay of states and
the choice between going on and starting afresh never touch it.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

# MJX prints that its optional Warp backend is missing; it is not used here.
with contextlib.redirect_stdout(io.StringIO()):
    from mujoco import mjx


class Body(NamedTuple):
    """What physics carries from one step to the next.

    Attributes:
        qpos: generalised positions (metres, radians, unit quaternions).
        qvel: generalised velocities.
        warmstart: accelerations from which the constraint solver starts.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    warmstart: Float[Array, " nv"]


Adapt = Callable[[mjx.Model, Float[Array, " nq"]], mjx.Model]


class Physics:
    """One robot in its surroundings, stepped by MJX.

    Arrays are kept in NumPy: a `Physics` can be made while JAX is tracing, and pickled.
    """

    def __init__(self, model: mujoco.MjModel, substeps: int, adapt: Adapt | None = None):
        """
        Args:
            model: compiled MuJoCo model.
            substeps: physics steps of `model.opt.timestep` seconds per control step.
            adapt: changes the model before every physics step, from the positions there.
        """
        self.model = model
        self.substeps = substeps
        self._adapt = adapt
        with jax.ensure_compile_time_eval(), _mjx_arithmetic():
            self._mjx_model = jax.tree.map(np.asarray, mjx.put_model(model, impl="jax"))
            self._template = jax.tree.map(np.asarray, mjx.make_data(model, impl="jax"))

    @property
    def control_step(self) -> float:
        """Seconds between two actions."""
        return self.substeps * float(self.model.opt.timestep)

    def rest(self, qpos: Float[Array, " nq"], qvel: Float[Array, " nv"]) -> Body:
        """A body at these positions and velocities, with a cold solver."""
        return Body(qpos, qvel, jnp.zeros_like(qvel))

    def advance(self, body: Body, action: Float[Array, " nu"]) -> Body:
        """One control step under constant `action`; MuJoCo clips it to the motors' range."""
        with _mjx_arithmetic():
            model = jax.tree.map(jnp.asarray, self._mjx_model)
            template = jax.tree.map(jnp.asarray, self._template).replace(ctrl=action)
            adapt = self._adapt or (lambda model, _qpos: model)

            def substep(body: Body, _: None) -> tuple[Body, None]:
                data = template.replace(
                    qpos=body.qpos, qvel=body.qvel, qacc_warmstart=body.warmstart
                )
                data = mjx.step(adapt(model, body.qpos), data)
                return Body(data.qpos, data.qvel, data.qacc_warmstart), None

            return jax.lax.scan(substep, body, None, length=self.substeps)[0]


@contextlib.contextmanager
def _mjx_arithmetic() -> Iterator[None]:
    """MJX relies on JAX's ordinary promotion rules, whatever the caller has chosen for itself."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield

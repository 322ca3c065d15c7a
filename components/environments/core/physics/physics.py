"""A robot in its surroundings; the rest of the package sees the engines through this file.

A step needs only positions, velocities and the solver's warm start. Everything else is computed
inside the step, so parallel environments, replayed states and the choice between stepping and
resetting never carry it.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float

from components.constraints import SettingError
from components.environments.core.edited_model import (
    ModelEdit,
    edit_copy,
    make_read_only,
    model_digest,
)
from components.environments.core.physics.choice import choose_engine
from components.environments.core.physics.engine import (
    ModelUpdate,
    PhysicsEngine,
    Robot,
    Simulation,
)
from components.environments.core.physics.state import Kinematics, PhysicsState
from components.target_devices import target_platform

# The physics that must no longer be used in this context.
_replaced: ContextVar["Physics | None"] = ContextVar("_replaced", default=None)


class Physics:
    """One robot in its surroundings.

    It can be made while JAX is tracing, and pickles. Its models become read-only, because engines
    copy them: use `Task.with_model` for changes.
    """

    engine: PhysicsEngine | None = None

    def __init__(
        self,
        model: mujoco.MjModel,
        substeps: int,
        update_model: ModelUpdate | None = None,
        *,
        whole: mujoco.MjModel | None = None,
        engine: PhysicsEngine | None = None,
    ):
        """
        Args:
            model: compiled MuJoCo model. Its arrays are made read-only.
            substeps: physics steps of `model.opt.timestep` seconds per control step.
            update_model: changes the model before every physics step, from the positions there;
                for MJX, where walls that nothing touches cost time.
            whole: model that needs no such change, with the same bodies, joints, sites and
                actuators; by default `model` itself.
            engine: what simulates it; by default what `choose_engine` says for the device.

        Raises:
            SettingError: the engine cannot simulate it on the device that programs run on.
        """
        self.model = model
        self.whole = model if whole is None else whole
        self.substeps = substeps
        self.engine = engine
        self._update_model = update_model
        if engine and (problem := engine.problem(self._robot(), target_platform())):
            raise SettingError("physics", problem)
        self._make_read_only()
        self._digest = self._hash_models()

    def __getstate__(self) -> dict[str, Any]:
        """Drop the simulations, which do not pickle and are made again when they are needed."""
        return {name: value for name, value in vars(self).items() if name != "_simulations"}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Restore a pickled physics, whose models are read-only again."""
        vars(self).update(attributes)
        self._make_read_only()

    @property
    def control_step(self) -> float:
        """Seconds between two actions."""
        return self.substeps * float(self.model.opt.timestep)

    def with_model(self, edit: ModelEdit) -> "Physics":
        """Return the physics of copies of its models that `edit` has changed."""
        model = edit_copy(self.model, edit)
        whole = model if self.whole is self.model else edit_copy(self.whole, edit)
        return Physics(model, self.substeps, self._update_model, whole=whole, engine=self.engine)

    def with_engine(self, engine: PhysicsEngine) -> "Physics":
        """Return the same robot in another engine."""
        return Physics(
            self.model, self.substeps, self._update_model, whole=self.whole, engine=engine
        )

    def initial_state(self, qpos: Float[Array, " nq"], qvel: Float[Array, " nv"]) -> PhysicsState:
        """Return a state with these positions and velocities, a cold solver and idle actuators."""
        idle = jnp.zeros(self.model.nu, qvel.dtype)
        return PhysicsState(qpos, qvel, jnp.zeros_like(qvel), idle)

    def apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        """Simulate one control step under constant `ctrl`; MuJoCo clips it to the actuators'
        range.

        Raises:
            ValueError: a model has changed since the engine copied it.
        """
        return self._simulation().apply_control(state, ctrl)

    def compute_kinematics(self, state: PhysicsState) -> Kinematics:
        """Compute poses, inertias and forces; fields that nothing uses cost little or nothing.

        Raises:
            ValueError: a model has changed since the engine copied it.
        """
        return self._simulation().compute_kinematics(state)

    def chosen_engine(self) -> PhysicsEngine:
        """Return what simulates the robot in a program traced now."""
        return self.engine or choose_engine(self._robot(), target_platform())

    def _simulation(self) -> Simulation:
        """Return the robot in its engine, unless it must not be used."""
        self._check_use()
        engine = self.chosen_engine()
        if engine not in self._simulations:
            self._simulations[engine] = engine.simulate(self._robot())
        return self._simulations[engine]

    def _robot(self) -> Robot:
        return Robot(self.model, self.whole, self.substeps, self._update_model)

    @cached_property
    def _simulations(self) -> dict[PhysicsEngine, Simulation]:
        """The robot in each engine that has simulated it."""
        return {}

    def _make_read_only(self) -> None:
        for model in self._models():
            make_read_only(model)

    def _hash_models(self) -> str:
        return "".join(model_digest(model).hex() for model in self._models())

    def _models(self) -> tuple[mujoco.MjModel, ...]:
        return (self.model,) if self.whole is self.model else (self.model, self.whole)

    def _check_use(self) -> None:
        """Raise ValueError if a model was changed, or if this physics has been replaced."""
        if self._hash_models() != self._digest:
            raise ValueError(
                "the MuJoCo model was changed after its engine had copied it, so the change would "
                "have no effect; make a changed task with task.with_model(edit), where edit(model) "
                "changes the model in place."
            )
        if _replaced.get() is self:
            raise ValueError(
                "a function of this task uses the physics that with_model replaces; give the task "
                "functools.partial(function, physics) in its place, whose physics can be replaced."
            )


@contextlib.contextmanager
def refuse_physics(physics: Physics) -> Iterator[None]:
    """Raise ValueError wherever this context uses `physics`."""
    token = _replaced.set(physics)
    try:
        yield
    finally:
        _replaced.reset(token)

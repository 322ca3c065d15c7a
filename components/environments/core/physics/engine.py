"""Defines engines, the base class of the family `physics`, and the simulations that they make."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import mujoco
from jaxtyping import Array, Float

from components.environments.core.physics.state import Kinematics, PhysicsState
from components.environments.workarounds.quiet_mjx import mjx

# Changes the model of MJX before a physics step, from the positions there. It can be hashed, and
# equal ones change a model alike.
ModelUpdate = Callable[[mjx.Model, Float[Array, " nq"]], mjx.Model]


class Robot(NamedTuple):
    """A robot as it is handed to an engine.

    Attributes:
        model: compiled MuJoCo model.
        whole: the same with every wall, for engines in which walls that nothing touches cost
            nothing; the same model if no wall is missing.
        substeps: physics steps of `model.opt.timestep` seconds per control step.
        update_model: changes `model` before every physics step, as `whole` needs no change.
    """

    model: mujoco.MjModel
    whole: mujoco.MjModel
    substeps: int
    update_model: ModelUpdate | None


@runtime_checkable
class Simulation(Protocol):
    """A robot in an engine, as pure functions that JAX can trace and batch."""

    def apply_control(self, state: PhysicsState, ctrl: Float[Array, " nu"]) -> PhysicsState:
        """Simulate one control step under constant `ctrl`, clipped to the actuators' range."""
        ...

    def compute_kinematics(self, state: PhysicsState) -> Kinematics:
        """Compute poses, inertias and forces."""
        ...


class PhysicsEngine(ABC):
    """A simulator; equal ones simulate alike, and it can be hashed.

    Attributes:
        uses_every_core: whether one device suffices to step environments on all cores of a CPU.
    """

    uses_every_core: ClassVar[bool] = False

    def problem(self, robot: Robot, platform: str) -> str | None:
        """Return why it cannot simulate a robot on a kind of device, or None if it can.

        Args:
            robot: what it should simulate.
            platform: cpu, gpu or tpu.
        """
        del robot, platform
        return None

    @abstractmethod
    def simulate(self, robot: Robot) -> Simulation:
        """Return the robot in this engine. Called once per robot, perhaps while JAX is tracing."""

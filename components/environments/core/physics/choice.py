"""Chooses an engine for a robot that names none, by `benchmarks/environments.md`."""

from components.environments.core.physics.c import C
from components.environments.core.physics.engine import PhysicsEngine, Robot
from components.environments.core.physics.mjx import MJX

# A point mass and an arm with two joints are stepped faster inside the compiled program.
_FEW = 2


def choose_engine(robot: Robot, platform: str) -> PhysicsEngine:
    """Return C on a CPU for a robot with more than two degrees of freedom, else MJX.

    Args:
        robot: what it simulates.
        platform: cpu, gpu or tpu.
    """
    small = robot.model.nv <= _FEW
    return MJX() if small or C().problem(robot, platform) else C()

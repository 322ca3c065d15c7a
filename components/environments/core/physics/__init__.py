"""Simulates robots: one interface and one state, whatever computes the motion."""

from components.environments.core.physics.engine import PhysicsEngine
from components.environments.core.physics.physics import Physics, refuse_physics
from components.environments.core.physics.state import Kinematics, PhysicsState

__all__ = ["Kinematics", "Physics", "PhysicsEngine", "PhysicsState", "refuse_physics"]

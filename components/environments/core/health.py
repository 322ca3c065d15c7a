"""Health checks that several tasks share: an episode ends early when its robot is unhealthy."""

from collections.abc import Callable

from jaxtyping import Array, Bool

from components.environments.core.physics import PhysicsState


def torso_between(lowest: float, highest: float) -> Callable[[PhysicsState], Bool[Array, ""]]:
    """Return a check that the torso's height, the third entry of qpos, is in range (metres)."""

    def is_healthy(state: PhysicsState) -> Bool[Array, ""]:
        return (state.qpos[2] >= lowest) & (state.qpos[2] <= highest)

    return is_healthy

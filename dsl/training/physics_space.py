"""Stops a run whose physics had too little space, so that it left out contacts."""

from components.environments.core.physics.warp_overflow import take_overflow
from dsl.errors import UsageError


def require_space() -> None:
    """Raise UsageError if a buffer was too small since the last call, naming the setting."""
    problem = take_overflow()
    if problem is not None:
        raise UsageError(problem)

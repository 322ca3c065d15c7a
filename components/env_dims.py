"""The dimensions of an environment, from which networks are built."""

from typing import NamedTuple


class EnvDims(NamedTuple):
    """Dimensions of a state, a goal and an action."""

    state: int
    goal: int
    action: int

"""The sizes of what an environment shows and takes: the facts from which networks are built."""

from typing import NamedTuple


class EnvDims(NamedTuple):
    """How many numbers a state, a goal and an action have."""

    state: int
    goal: int
    action: int

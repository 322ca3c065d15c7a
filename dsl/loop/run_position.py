"""Says how far a run has come, in whole numbers of the host."""

from typing import NamedTuple


class RunPosition(NamedTuple):
    """Position of a run, counted on the host.

    Attributes:
        epoch: number of the current epoch.
        iteration: iterations of the current epoch that are done.
        iterations: iterations since the run began.
        wall_seconds: time of all processes that worked on the run.
        epoch_seconds: the part of it spent in the current epoch.
    """

    epoch: int = 0
    iteration: int = 0
    iterations: int = 0
    wall_seconds: float = 0.0
    epoch_seconds: float = 0.0

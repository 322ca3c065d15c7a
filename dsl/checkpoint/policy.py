"""How often checkpoints are written."""

from typing import NamedTuple


class CheckpointPolicy(NamedTuple):
    """How often a checkpoint is written, and how many are kept.

    Attributes:
        minutes: between two of them.
        epochs: between two of them, whatever the time; None for time alone.
        kept: how many of the last ones stay.
    """

    minutes: float = 10.0
    epochs: int | None = None
    kept: int = 2

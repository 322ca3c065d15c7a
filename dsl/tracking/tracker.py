"""The one interface through which training tells of its progress."""

from pathlib import Path
from typing import Protocol

from dsl.records.metrics_log import Metrics


class Tracker(Protocol):
    """Receives what a run measures, once per epoch."""

    def log(self, metrics: Metrics) -> None:
        """Record one epoch.

        Args:
            metrics: one number per name. The counters `env_steps`, `updates` and `epoch` have
                plain names; every other name is `subset/quantity`, or `subset/learner/quantity`
                where several learners train at once (`eval/success_rate`,
                `train/critic_loss`, `time/wall_seconds`).
        """
        ...

    def progress(self, env_steps: int) -> None:
        """Inside an epoch: environment steps made so far. Nothing to keep."""
        ...

    def picture(self, name: str, path: Path) -> None:
        """Record a PNG picture or a GIF film; a later one of the same name and kind replaces it.

        Args:
            name: the file name to keep it under, without its ending.
            path: where it lies now.
        """
        ...

    def close(self) -> None:
        """Finish; nothing is recorded afterwards."""
        ...

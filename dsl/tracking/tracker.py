"""The interface through which training reports its progress, and that of the words for it."""

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dsl.records.metrics_log import Metrics


class Tracker(Protocol):
    """Receives what one run measures, once per epoch."""

    def log(self, metrics: Metrics) -> None:
        """Record one epoch.

        Args:
            metrics: one number per name. The counters `env_steps`, `updates` and `epoch` have
                plain names; every other name is `subset/quantity`, or `subset/learner/quantity`
                if several learners train at once (`eval/success_rate`,
                `train/critic_loss`, `time/wall_seconds`).
        """
        ...

    def progress(self, env_steps: int) -> None:
        """Show how many environment steps have been made, inside an epoch; nothing to keep."""
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


class TrackerFactory(abc.ABC):
    """A word of the family `tracker`: starts the trackers of the runs of one process.

    Building it must neither import what it needs nor touch anything: a gin file is also read by
    those who only play its policy.
    """

    @abc.abstractmethod
    def start(self, folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:
        """Start to track runs.

        Args:
            folders: of the runs, already described.
            total_env_steps: environment steps until each run is over.

        Returns:
            One tracker for each run; or a single one, which stands for all of them, is told the
            progress of the first, and is closed last.

        Raises:
            UsageError: a package that it needs is not installed.
        """

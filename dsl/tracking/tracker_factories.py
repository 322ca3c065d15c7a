"""The words of the family `tracker`. `metrics.jsonl` is always written and needs none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsl.tracking.aim_tracker import AimTracker
from dsl.tracking.console import ConsoleTracker
from dsl.tracking.tensorboard_tracker import TensorBoardTracker
from dsl.tracking.tracker import Tracker, TrackerFactory
from dsl.tracking.wandb_tracker import WandBTracker


@dataclass(frozen=True)
class Aim(TrackerFactory):
    """Shows runs in the Aim repository `.aim` beside their folders."""

    def start(self, folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:  # noqa: ARG002
        return [AimTracker(*folders)]


@dataclass(frozen=True)
class Console(TrackerFactory):
    """Shows a progress bar on a terminal, and a line per percent in a log file."""

    def start(self, folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:  # noqa: ARG002
        return [ConsoleTracker(total_env_steps)]


@dataclass(frozen=True)
class WandB(TrackerFactory):
    """Sends runs to Weights & Biases (`pip install 'kilolayer[wandb]'`).

    Attributes:
        project: name of the project that the runs belong to.
        entity: user or team; the default one of the account if None.
        mode: `online`, or `offline` to keep the runs in their folders for `wandb sync`.
    """

    project: str = "kilolayer"
    entity: str | None = None
    mode: Literal["online", "offline"] = "online"

    def start(self, folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:  # noqa: ARG002
        return [WandBTracker(folder, self.project, self.entity, self.mode) for folder in folders]


@dataclass(frozen=True)
class TensorBoard(TrackerFactory):
    """Writes event files into `RUN/tensorboard` (`pip install 'kilolayer[tensorboard]'`)."""

    def start(self, folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:  # noqa: ARG002
        return [TensorBoardTracker(folder) for folder in folders]

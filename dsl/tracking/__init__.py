"""Where the numbers of a run go: a file that is the truth, and views of it."""

from pathlib import Path

from dsl.tracking.aim_view import AimView
from dsl.tracking.console import Console
from dsl.tracking.fan_out import FanOut
from dsl.tracking.jsonl import Jsonl, read_metrics
from dsl.tracking.tracker import Metrics, Tracker

__all__ = ["Metrics", "Tracker", "read_metrics", "trackers"]


def trackers(folder: Path, total_env_steps: int) -> Tracker:
    """Everything that follows a run: metrics.jsonl, the progress bar, and Aim.

    Args:
        folder: the run's folder, already described; Aim's repository is `.aim` beside it.
        total_env_steps: environment steps until the run is over.
    """
    return FanOut(Jsonl(folder), [Console(total_env_steps), AimView(folder)])

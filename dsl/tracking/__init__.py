"""Where the numbers of a run go: a file that is the truth, and views of it."""

from collections.abc import Sequence
from pathlib import Path

from dsl.records.metrics_log import MetricsLog, read_metrics
from dsl.tracking.aim_tracker import AimTracker
from dsl.tracking.console import Console
from dsl.tracking.fan_out import FanOut
from dsl.tracking.tracker import Metrics, Tracker

__all__ = ["Metrics", "Tracker", "read_metrics", "trackers"]


def trackers(folders: Sequence[Path], total_env_steps: int) -> list[Tracker]:
    """Everything that follows runs of one process: metrics.jsonl, the progress bar, and Aim.

    Args:
        folders: of the runs, already described; Aim's repository is `.aim` beside them.
        total_env_steps: environment steps until each run is over.

    Returns:
        One for each run. The first shows its own progress and all runs in Aim: close it last.
    """
    first, *others = folders
    views = [Console(total_env_steps), AimTracker(*folders)]
    return [
        FanOut(MetricsLog(first), views),
        *(FanOut(MetricsLog(folder), []) for folder in others),
    ]

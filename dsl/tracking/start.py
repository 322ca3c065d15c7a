"""Starts everything that tracks the runs of one process."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from dsl.errors import UsageError
from dsl.records.metrics_log import MetricsLog
from dsl.tracking.fan_out import FanOut, report_failure
from dsl.tracking.tracker import Tracker, TrackerFactory


def start_trackers(
    factories: Sequence[TrackerFactory], folders: Sequence[Path], total_env_steps: int
) -> list[Tracker]:
    """Open the record of each run, and start the trackers that the experiment names.

    Args:
        factories: of the views of the runs.
        folders: of the runs, already described.
        total_env_steps: environment steps until each run is over.

    Returns:
        One for each run. The first may show all of them: close it last.

    Raises:
        RecordError: a record cannot be written.
        UsageError: a tracker's package is not installed.
    """
    with ExitStack() as undo:
        trackers = []
        for folder in folders:
            trackers.append(FanOut(MetricsLog(folder)))
            undo.callback(trackers[-1].close)
        for factory in factories:
            views = _start_views(factory, folders, total_env_steps)
            for tracker, view in zip(trackers, views, strict=False):
                tracker.add_view(view)
        undo.pop_all()
    return trackers


def _start_views(
    factory: TrackerFactory, folders: Sequence[Path], total_env_steps: int
) -> list[Tracker]:
    """Start a tracker; one that fails costs the view and not the run."""
    try:
        return factory.start(folders, total_env_steps)
    except UsageError:
        raise
    except Exception as error:
        report_failure(factory, error)
        return []

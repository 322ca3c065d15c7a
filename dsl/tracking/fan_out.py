"""Reports to several trackers; one that merely displays a run cannot stop it."""

from collections.abc import Callable
from pathlib import Path

from dsl.records.console_output import write_line
from dsl.records.metrics_log import Metrics
from dsl.tracking.tracker import Tracker


class FanOut:
    """Sends everything to the record first, then to each view.

    An error of the record stops the run; a view that raises is reported once and dropped.

    Args:
        record: the tracker that must not fail.
        views: the trackers that may.
    """

    def __init__(self, record: Tracker, *views: Tracker):
        self._record = record
        self._views = list(views)

    def add_view(self, view: Tracker) -> None:
        """Send everything to another view from now on."""
        self._views.append(view)

    def log(self, metrics: Metrics) -> None:
        self._record.log(metrics)
        self._tell_views(lambda view: view.log(metrics))

    def progress(self, env_steps: int) -> None:
        self._tell_views(lambda view: view.progress(env_steps))

    def picture(self, name: str, path: Path) -> None:
        self._record.picture(name, path)
        self._tell_views(lambda view: view.picture(name, path))

    def close(self) -> None:
        try:
            self._record.close()
        finally:
            self._tell_views(lambda view: view.close())

    def _tell_views(self, tell: Callable[[Tracker], None]) -> None:
        for view in tuple(self._views):
            try:
                tell(view)
            except Exception as error:
                self._views.remove(view)
                report_failure(view, error)


def report_failure(view: object, error: Exception) -> None:
    """Tell the user that a view has failed and that the run continues."""
    reason = str(error) or type(error).__name__
    write_line(
        f"{type(view).__name__} stopped: {reason}\nNothing is lost: metrics.jsonl has everything."
    )

"""One tracker that tells many, and lets no view of a run stop the run."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from dsl.tracking.tracker import Metrics, Tracker


class FanOut:
    """Sends everything to the record first, then to each view.

    An error of the record stops the run; a view that raises is reported once and dropped.

    Args:
        record: the tracker that must not fail.
        views: the trackers that may.
    """

    def __init__(self, record: Tracker, views: Sequence[Tracker]):
        self._record = record
        self._views = list(views)

    def log(self, metrics: Metrics) -> None:
        self._record.log(metrics)
        self._show(lambda view: view.log(metrics))

    def progress(self, env_steps: int) -> None:
        self._show(lambda view: view.progress(env_steps))

    def picture(self, name: str, path: Path) -> None:
        self._record.picture(name, path)
        self._show(lambda view: view.picture(name, path))

    def close(self) -> None:
        try:
            self._record.close()
        finally:
            self._show(lambda view: view.close())

    def _show(self, tell: Callable[[Tracker], None]) -> None:
        for view in tuple(self._views):
            try:
                tell(view)
            except Exception as error:
                self._views.remove(view)
                _report(view, error)


def _report(view: Tracker, error: Exception) -> None:
    reason = str(error) or type(error).__name__
    # tqdm keeps a progress bar whole around the message.
    tqdm.write(
        f"{type(view).__name__} stopped: {reason}\nNothing is lost: metrics.jsonl has everything.",
        file=sys.stderr,
    )

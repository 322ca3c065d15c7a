"""Trackers: a file that always holds every metric of a run, and displays of it."""

from dsl.records.metrics_log import Metrics, read_metrics
from dsl.tracking.start import start_trackers
from dsl.tracking.tracker import Tracker, TrackerFactory
from dsl.tracking.tracker_factories import Aim, Console, TensorBoard, WandB

__all__ = [
    "Aim",
    "Console",
    "Metrics",
    "TensorBoard",
    "Tracker",
    "TrackerFactory",
    "WandB",
    "read_metrics",
    "start_trackers",
]

"""Tells when a run began and ended, from its own record and not from the dates of its files."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from dsl.records.metrics_log import read_metrics
from dsl.records.run_folder import METRICS, read_environment

# Seconds that a run had been trained when its last process began; a key of its environment.
SECONDS_BEFORE = "seconds_before"


class RunTimes(NamedTuple):
    """The start of a run's first process, and the end of its last recorded epoch."""

    start: datetime
    end: datetime


def read_run_times(folder: Path) -> RunTimes | None:
    """Return when a run began and ended, or None if its folder does not tell.

    Raises:
        UnreadableError: the environment cannot be read now.
        OSError: the metrics cannot be read.
    """
    last = read_environment(folder)
    epochs = read_metrics(folder / METRICS)
    try:
        first = (last.get("earlier") or [last])[0]
        seconds = epochs[-1]["time/wall_seconds"] - last.get(SECONDS_BEFORE, 0.0)
        end = datetime.fromisoformat(last["started"]) + timedelta(seconds=seconds)
        return RunTimes(datetime.fromisoformat(first["started"]), end)
    except (LookupError, TypeError, ValueError):
        return None

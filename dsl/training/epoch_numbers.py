"""Counts what a run has made after an epoch, and how fast."""

from dsl.loop.run_position import RunPosition
from dsl.loop.schedule import Schedule


def epoch_counters(schedule: Schedule, position: RunPosition) -> dict[str, float]:
    """Return the epoch, and what the run has made at its end."""
    epoch = position.epoch
    return {
        "epoch": epoch,
        "env_steps": schedule.env_steps(epoch),
        "updates": schedule.updates(epoch),
    }


def epoch_rates(schedule: Schedule, position: RunPosition) -> dict[str, float]:
    """Return times, and rates over the epoch, its evaluation included."""
    epoch, seconds = position.epoch, position.epoch_seconds
    steps, updates = (
        count(epoch) - (count(epoch - 1) if epoch else 0)
        for count in (schedule.env_steps, schedule.updates)
    )
    return {
        "time/env_steps_per_second": steps / seconds,
        "time/updates_per_second": updates / seconds,
        "time/epoch_seconds": seconds,
        "time/wall_seconds": position.wall_seconds,
    }

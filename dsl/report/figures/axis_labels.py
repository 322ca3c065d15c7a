"""What metrics are called on the axes of a figure, with their units."""

from dsl.report.data.comparison import Comparison
from dsl.report.data.display import shortened
from dsl.report.data.tasks import episode_length

_NAMES = {
    "eval/time_at_goal": ("time at goal", "steps"),
    "eval/success_rate": ("success rate", ""),
    "eval/final_success": ("success at the end", ""),
    "eval/final_distance": ("final distance", "m"),
    "eval/episode_length": ("episode length", "steps"),
    "train/entropy": ("policy entropy", "nats"),
    "time/env_steps_per_second": ("environment steps", "1/s"),
    "time/updates_per_second": ("gradient updates", "1/s"),
    "time/epoch_seconds": ("time of an epoch", "s"),
    "time/wall_seconds": ("wall time", "s"),
}
_OF_EPISODE = ("eval/time_at_goal",)


def axis_label(comparison: Comparison) -> str:
    """Return the metric and its unit, such as `time at goal (steps of 1000)`."""
    name, unit = _NAMES.get(comparison.metric, (metric_in_words(comparison.metric), ""))
    if comparison.metric in _OF_EPISODE:
        lengths = {episode_length(group.scored_runs[0].run) for group in comparison.groups}
        length = lengths.pop() if len(lengths) == 1 else None
        unit = f"steps of {length}" if length else unit
    return f"{name} ({unit})" if unit else name


def metric_in_words(metric: str) -> str:
    """Return the name of a metric in words."""
    return shortened(metric.partition("/")[2].replace("_", " "))

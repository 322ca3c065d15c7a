"""Progress on the terminal: a bar for a person, a hundred lines for a log file."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from dsl.records.console_output import has_width
from dsl.records.metrics_log import Metrics
from dsl.tracking.recent_rate import RecentRate

_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} env steps [{elapsed}{postfix}]"
# What to show, in this order: metric, label and format.
_SHOWN = (
    ("eval/success_rate", "success {:.2f}"),
    ("eval/time_at_goal", "time at goal {:.1f}"),
    ("time/env_steps_per_second", "{} env steps/s"),
    ("time/updates_per_second", "{} updates/s"),
)


class ConsoleTracker:
    """A progress bar on a terminal; elsewhere a line each time another percent is done.

    Args:
        total_env_steps: environment steps until the run is over.
        stream: where to write; by default the standard error stream.
        clock: seconds on a steady clock.
    """

    def __init__(
        self,
        total_env_steps: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total = total_env_steps
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._rate = RecentRate()
        self._rate_within = RecentRate(weight=0.05)
        self._latest: dict[str, float | int] = {}
        self._percent = -1
        self._bar = self._make_bar() if has_width(self._stream) else None

    def log(self, metrics: Metrics) -> None:
        self._latest.update(metrics)
        steps, now = int(metrics["env_steps"]), self._clock()
        self._rate.update(steps, now)
        self._show(steps, now)

    def progress(self, env_steps: int) -> None:
        self._show(env_steps, self._clock())

    def _show(self, steps: int, now: float) -> None:
        self._rate_within.update(steps, now)
        left = self._total - steps
        # Whole epochs are the better estimate, because they include evaluations.
        seconds = self._rate.seconds_for(left)
        if seconds is None:
            seconds = self._rate_within.seconds_for(left)
        text = _status_text(self._latest, seconds)
        if self._bar is None:
            self._print_line(steps, text)
        else:
            self._bar.n = steps
            self._bar.set_postfix_str(text)

    def picture(self, name: str, path: Path) -> None:
        """Do nothing: a terminal shows no pictures."""

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _make_bar(self) -> tqdm:
        return tqdm(
            total=self._total,
            file=self._stream,
            bar_format=_BAR,
            unit_scale=True,
            dynamic_ncols=True,
            postfix="compiling",
        )

    def _print_line(self, steps: int, text: str) -> None:
        percent = min(100, 100 * steps // self._total)
        if percent > self._percent:
            self._percent = percent
            print(f"{percent:3d}%  {steps:,} env steps, {text}", file=self._stream, flush=True)


def _status_text(latest: Metrics, seconds_left: float | None) -> str:
    shown = [
        _format_value(form, latest[name])
        for metric, form in _SHOWN
        if (name := _latest_name(metric, latest)) is not None
    ]
    left = "time left unknown" if seconds_left is None else f"{_format_seconds(seconds_left)} left"
    return ", ".join([left, *shown])  # a narrow terminal cuts the end off


def _latest_name(metric: str, latest: Metrics) -> str | None:
    """Return the metric's name, or that of the first of several learners."""
    if metric in latest:
        return metric
    subset, name = metric.split("/")
    of_learners = (m for m in latest if m.startswith(f"{subset}/") and m.endswith(f"/{name}"))
    return next(of_learners, None)


def _format_value(form: str, value: float | int) -> str:
    return form.format(value if ":" in form else tqdm.format_sizeof(value))


def _format_seconds(seconds: float) -> str:
    return tqdm.format_interval(round(seconds))

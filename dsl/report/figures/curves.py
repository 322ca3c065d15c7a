"""Learning curves: the scores of groups over environment steps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsl.report.data.comparison import Comparison, by_task, split_by_first_column
from dsl.report.data.runs import Curve
from dsl.report.data.statistics import Estimate, estimate_interval
from dsl.report.figures.axis_labels import axis_label
from dsl.report.figures.style import (
    LineStyle,
    add_legend,
    group_line_styles,
    label_y,
    legend_label,
    make_panels,
    start_y_at_zero,
    thousands_divisor,
)

_MOST_LINES = 8


def learning_curves(comparison: Comparison) -> Figure:
    """Draw the score over environment steps: interquartile mean and 95% interval, a panel per task.

    If that makes too many lines, split panels by the first column too.
    """
    views = (
        split_by_first_column(comparison)
        if len(comparison.labels) > _MOST_LINES
        else by_task(comparison)
    )
    figure, axes = make_panels(list(views))
    shown = group_line_styles([group for view in views.values() for group in view.groups])
    for view, panel in zip(views.values(), axes, strict=True):
        longest = max(m.curve.steps[-1] for group in view.groups for m in group.scored_runs)
        unit, name = thousands_divisor(longest)
        for group in view.groups:
            curves = [scored_run.curve for scored_run in group.scored_runs]
            _draw(panel, *estimate_along_steps(curves), shown[group.label], group.label, unit)
        panel.set(xlabel=f"environment steps{name}", xlim=(0, longest / unit))
        if comparison.metric.startswith("eval/"):
            start_y_at_zero(panel)
    if len(comparison.tasks) == 1:  # the same score in every panel
        low, high = zip(*(panel.get_ylim() for panel in axes), strict=True)
        for panel in axes:
            panel.set_ylim(min(low), max(high))
    label_y(axes, [axis_label(view) for view in views.values()])
    add_legend(figure, axes, next(iter(views.values())).title)
    return figure


def estimate_along_steps(curves: Sequence[Curve]) -> tuple[np.ndarray, Estimate]:
    """Estimate the score at every step where a curve has a point, over the runs that reached it.

    Runs are interpolated linearly between their points.

    Returns:
        Environment steps (n,), and estimates (n,).
    """
    steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    reach = [(steps >= curve.steps[0]) & (steps <= curve.steps[-1]) for curve in curves]
    values = np.stack([np.interp(steps, curve.steps, curve.values) for curve in curves], axis=1)
    there = np.stack(reach, axis=1)
    found = np.full((3, len(steps)), np.nan)
    for runs in np.unique(there, axis=0):
        rows = (there == runs).all(axis=1)
        if runs.any():
            found[:, rows] = estimate_interval([values[np.ix_(rows, runs)]])
    return steps, Estimate(*found)


def _draw(
    panel: Axes, steps: np.ndarray, found: Estimate, look: LineStyle, label: str, unit: float
) -> None:
    panel.plot(steps / unit, found.iqm, look.dashes, color=look.colour, label=legend_label(label))
    panel.fill_between(
        steps / unit, found.low, found.high, color=look.colour, alpha=0.18, linewidth=0
    )

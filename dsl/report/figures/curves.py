"""Learning curves: what the runs of a group score as they learn."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsl.report.data.comparison import Comparison, by_task, split
from dsl.report.data.runs import Curve
from dsl.report.data.statistics import Estimate, estimate
from dsl.report.figures.axis_labels import axis_label
from dsl.report.figures.style import (
    LineStyle,
    from_zero,
    label_y,
    legend,
    looks_of,
    panels,
    thousands,
)

_MOST_LINES = 8


def learning_curves(comparison: Comparison) -> Figure:
    """Score over environment steps: interquartile mean and 95% interval, a panel per task.

    Where that makes too many lines to be told apart, the first thing that differs has panels too.
    """
    views = split(comparison) if len(comparison.labels) > _MOST_LINES else by_task(comparison)
    figure, axes = panels(list(views))
    shown = looks_of([group for view in views.values() for group in view.groups])
    for view, panel in zip(views.values(), axes, strict=True):
        longest = max(m.curve.steps[-1] for group in view.groups for m in group.members)
        unit, name = thousands(longest)
        for group in view.groups:
            curves = [member.curve for member in group.members]
            _draw(panel, *along(curves), shown[group.label], group.label, unit)
        panel.set(xlabel=f"environment steps{name}", xlim=(0, longest / unit))
        if comparison.metric.startswith("eval/"):
            from_zero(panel)
    if len(comparison.tasks) == 1:  # the same score in every panel
        low, high = zip(*(panel.get_ylim() for panel in axes), strict=True)
        for panel in axes:
            panel.set_ylim(min(low), max(high))
    label_y(axes, [axis_label(view) for view in views.values()])
    legend(figure, axes, next(iter(views.values())).title)
    return figure


def along(curves: Sequence[Curve]) -> tuple[np.ndarray, Estimate]:
    """Estimates wherever one of the curves has a point, over the runs that have come so far.

    A run between two of its points counts with the line between them.

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
            found[:, rows] = estimate([values[np.ix_(rows, runs)]])
    return steps, Estimate(*found)


def _draw(
    panel: Axes, steps: np.ndarray, found: Estimate, look: LineStyle, label: str, unit: float
) -> None:
    panel.plot(steps / unit, found.iqm, look.dashes, color=look.colour, label=label)
    panel.fill_between(
        steps / unit, found.low, found.high, color=look.colour, alpha=0.18, linewidth=0
    )

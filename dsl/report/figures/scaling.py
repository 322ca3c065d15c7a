"""Final score over one thing that was scaled: depth, batch size, parameters."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsl.report.data.comparison import Comparison, by_task
from dsl.report.data.display import setting_in_words
from dsl.report.data.scores import ALL_TASKS, Score
from dsl.report.figures.axis_labels import axis_label
from dsl.report.figures.style import (
    LineStyle,
    add_legend,
    label_y,
    legend_label,
    line_styles,
    make_panels,
    set_log_x_axis,
    start_y_at_zero,
    thousands_divisor,
)

DEPTHS = ("depth", "critic depth", "actor depth")
BATCH, WIDTH = "batch size", "width"
_UNITS = {BATCH: "transitions", **dict.fromkeys(DEPTHS, "layers")}


class Line(NamedTuple):
    """Scores that differ along the x axis only, by x."""

    task: str
    label: str
    points: list[tuple[float, Score]]


def scaling_figure(comparison: Comparison, scores: Sequence[Score], column: str) -> Figure | None:
    """Draw scores over one column, a line per value of the others; None if it never varies."""
    if column not in comparison.columns:
        return None
    at = comparison.columns.index(column)
    lines = _lines(comparison, scores, column, lambda score: score.values[at])
    lines = [line for line in lines if len(line.points) > 1]
    return _figure(comparison, lines, column, f"{column} ({_UNITS[column]})") if lines else None


def parameter_scaling_figure(
    comparison: Comparison, scores: Sequence[Score], parameters: Callable[[Score], int | None]
) -> Figure | None:
    """Draw scores over the number of parameters, a line per depth: wider against deeper.

    Args:
        comparison: of the runs.
        scores: of its groups.
        parameters: of the networks of a group; None where they cannot be counted.

    Returns:
        The figure; None where the width does not vary, or nothing could be counted.
    """
    if WIDTH not in comparison.columns:
        return None
    lines = _lines(comparison, scores, WIDTH, parameters)
    if not lines:
        return None
    unit, name = thousands_divisor(max(x for line in lines for x, _ in line.points))
    lines = [line._replace(points=[(x / unit, s) for x, s in line.points]) for line in lines]
    return _figure(comparison, lines, WIDTH, f"parameters{name}", exact=False)


def _lines(
    comparison: Comparison,
    scores: Sequence[Score],
    column: str,
    x_of: Callable[[Score], Any],
) -> list[Line]:
    """Return scores ordered by x, a line per task and values of the other columns."""
    at = comparison.columns.index(column)
    found: dict[tuple[str, str], Line] = {}
    for score in scores:
        x = None if score.task == ALL_TASKS else x_of(score)
        if x is None:
            continue
        label = ", ".join(setting_in_words(v) for i, v in enumerate(score.values) if i != at)
        line = found.setdefault((score.task, label), Line(score.task, label, []))
        line.points.append((x, score))
    for line in found.values():
        line.points.sort(key=lambda point: point[0])
    return list(found.values())


def _figure(
    comparison: Comparison, lines: Sequence[Line], column: str, x_label: str, exact: bool = True
) -> Figure:
    """Draw a panel per task; `exact` marks every x on the axis."""
    tasks = list(dict.fromkeys(line.task for line in lines))
    others = [title for title in comparison.columns if title != column]
    labels = list(dict.fromkeys(line.label for line in lines))
    shown = line_styles(labels, ordered=len(others) == 1 and all(map(_is_number, labels)))
    figure, axes = make_panels(tasks)
    views = by_task(comparison)
    for task, panel in zip(tasks, axes, strict=True):
        mine = [line for line in lines if line.task == task]
        for line in mine:
            _draw(panel, line, shown[line.label])
        xs = [x for line in mine for x, _ in line.points]
        set_log_x_axis(panel, xs, exact)
        panel.set_xlabel(x_label)
        if comparison.metric.startswith("eval/"):
            start_y_at_zero(panel)
    label_y(axes, [axis_label(views[task]) for task in tasks])
    add_legend(figure, axes, ", ".join(others))
    return figure


def _draw(panel: Axes, line: Line, look: LineStyle) -> None:
    """Draw interquartile means, with their intervals if there are any."""
    x = [x for x, _ in line.points]
    y = np.array([score.iqm for _, score in line.points])
    low, high = (np.array([getattr(s, end) for _, s in line.points]) for end in ("low", "high"))
    panel.errorbar(
        x,
        y,
        np.nan_to_num(np.stack([y - low, high - y])),
        fmt=f"{look.marker}{look.dashes}",
        color=look.colour,
        label=legend_label(line.label),
        capsize=2,
        elinewidth=0.8,
    )


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit()

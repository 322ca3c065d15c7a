"""Style of every figure: legible at column width, colours safe for colour-blind readers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from dsl.report.data.comparison import Group, labels_of

COLUMN = 3.3  # inches, of a paper with two columns
RC: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a name is one
    "figure.dpi": 200,
    "pdf.fonttype": 42,  # text stays text, as publishers ask
}
# Okabe and Ito, "Color Universal Design", 2008, without its yellow, which is faint on white.
_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARK = "#D55E00"  # stands out from viridis
_DASHES = ("-", "--", ":", "-.")
_MARKERS = "osD^vPX"


class LineStyle(NamedTuple):
    """How a label is drawn in every figure."""

    colour: str
    dashes: str
    marker: str


def line_styles(labels: Sequence[str], *, ordered: bool) -> dict[str, LineStyle]:
    """Choose a style for every label: shades from dark to light if labels are ordered."""
    shades = _shades(len(labels)) if ordered else _OKABE_ITO
    return {
        label: LineStyle(
            shades[i % len(shades)],
            _DASHES[(i // len(shades)) % len(_DASHES)],
            _MARKERS[i % len(_MARKERS)],
        )
        for i, label in enumerate(labels)
    }


def group_line_styles(groups: Sequence[Group]) -> dict[str, LineStyle]:
    """Choose a style for the label of every group."""
    ordered = all(len(g.values) == 1 and isinstance(g.values[0], int | float) for g in groups)
    return line_styles(labels_of(groups), ordered=ordered)


def _shades(count: int) -> list[str]:
    """Return shades of viridis from dark to light, without its yellow."""
    shade = matplotlib.colormaps["viridis"]
    steps = [0.85 * (i / max(count - 1, 1)) for i in range(count)]
    return [to_hex(shade(step)) for step in steps]


def make_panels(
    titles: Sequence[str], height: float = 2.2, most: int = 3, width: float = 2.3
) -> tuple[Figure, list[Axes]]:
    """Make a figure with a panel per title; a single panel is a column wide.

    Args:
        titles: of the panels; may be empty.
        height: of a row of panels (inches).
        most: panels beside each other.
        width: of a panel where there are several (inches).
    """
    columns = 2 if len(titles) == 4 <= 2 * most else min(most, len(titles))
    rows = -(-len(titles) // columns)
    whole = COLUMN if columns == 1 else width * columns
    figure = Figure(figsize=(whole, height * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(len(titles))]
    for panel, title in zip(axes, titles, strict=True):
        panel.set_title(title)
    return figure, axes


def label_y(axes: Sequence[Axes], labels: Sequence[str]) -> None:
    """Label the y axis of every panel but those that share it with the panel to their left."""
    layout = axes[0].get_gridspec()
    columns = layout.ncols if layout is not None else 1
    for i, (panel, label) in enumerate(zip(axes, labels, strict=True)):
        if i % columns == 0 or label != labels[i - 1]:
            panel.set_ylabel(label)


def add_legend(figure: Figure, axes: Sequence[Axes], title: str) -> None:
    """Add one legend under all panels if there is something to tell apart or to name."""
    handles = {
        label: h
        for panel in axes
        for h, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if len(handles) < (1 if title else 2):
        return
    widest = max(map(len, handles))
    columns = max(1, min(len(handles), int(figure.get_figwidth() * 18 / (widest + 6))))
    rows = -(-len(handles) // columns) + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.14 * (rows - 1))
    figure.legend(
        list(handles.values()),
        list(handles),
        title=title,
        loc="outside lower center",
        ncols=columns,
        handlelength=1.8,
        columnspacing=1.2,
    )


def legend_label(text: str) -> str:
    """Return a label that a legend shows: matplotlib omits those that begin with an underscore."""
    return f"\u200b{text}" if text.startswith("_") else text


def start_y_at_zero(axes: Axes) -> None:
    """Start the y axis at zero and leave room above the highest point."""
    axes.set_ylim(0, 1.08 * max(axes.dataLim.ymax, 1e-9))


def set_log_x_axis(axes: Axes, values: Sequence[float], exact: bool) -> None:
    """Make the x axis logarithmic, in plain numbers; `exact` marks only these values."""
    axes.set_xscale("log", base=2 if exact else 10)
    axes.set_xticks([], minor=True)
    if exact:
        axes.set_xticks(sorted(set(values)), minor=False)
    else:
        close = max(values) < 100 * min(values)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if close else (1,)))
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_major_formatter(plain)


def thousands_divisor(largest: float) -> tuple[float, str]:
    """Return a divisor for numbers up to `largest`, and its name in parentheses."""
    for divisor, name in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if largest >= divisor:
            return divisor, f" ({name})"
    return 1.0, ""

"""Final score over two depths at once: which of actor and critic needs them."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsl.report.data.comparison import Comparison
from dsl.report.data.display import setting_in_words
from dsl.report.data.scores import ALL_TASKS, Score
from dsl.report.figures.axis_labels import axis_label
from dsl.report.figures.style import make_panels

ACTOR, CRITIC = "actor depth", "critic depth"


def heat_map(comparison: Comparison, scores: Sequence[Score]) -> Figure | None:
    """Draw interquartile means by actor and critic depth; None unless both vary.

    There is a panel per task and per value of everything else that varies.
    """
    if not {ACTOR, CRITIC} <= set(comparison.columns):
        return None
    grids = _grids(comparison, scores)
    if not grids:
        return None
    figure, axes = make_panels([title for title, _, _ in grids], height=2.4)
    values = [cells for _, _, cells in grids]
    top = max(float(np.nanmax(cells)) for cells in values)
    low = min(0.0, min(float(np.nanmin(cells)) for cells in values))
    for (_, depths, cells), panel in zip(grids, axes, strict=True):
        _draw(panel, depths, cells, (low, top))
    image = axes[0].images[0]
    figure.colorbar(image, ax=axes, label=axis_label(comparison), aspect=25)
    return figure


def _grids(
    comparison: Comparison, scores: Sequence[Score]
) -> list[tuple[str, tuple[list, list], np.ndarray]]:
    """Return title, actor and critic depths, and scores (critic, actor) of every panel."""
    a, c = (comparison.columns.index(title) for title in (ACTOR, CRITIC))
    found: dict[str, dict[tuple, float]] = {}
    for score in scores:
        actor, critic = score.values[a], score.values[c]
        if score.task == ALL_TASKS or actor is None or critic is None:
            continue
        rest = [setting_in_words(v) for i, v in enumerate(score.values) if i not in (a, c)]
        found.setdefault(", ".join([score.task, *rest]), {})[actor, critic] = score.iqm
    grids = []
    for title, cells in found.items():
        actors, critics = (sorted({place[i] for place in cells}) for i in (0, 1))
        if len(actors) > 1 and len(critics) > 1:
            table = [[cells.get((actor, critic), np.nan) for actor in actors] for critic in critics]
            grids.append((title, (actors, critics), np.array(table)))
    return grids


def _draw(
    panel: Axes, depths: tuple[list, list], cells: np.ndarray, limits: tuple[float, float]
) -> None:
    """Draw cells with the deepest critic on top, each number in a legible colour."""
    actors, critics = depths
    shade = matplotlib.colormaps["viridis"]
    panel.imshow(cells, shade, origin="lower", vmin=limits[0], vmax=limits[1], aspect="equal")
    panel.grid(False)
    panel.set(xlabel=f"{ACTOR} (layers)", ylabel=f"{CRITIC} (layers)")
    panel.set_xticks(range(len(actors)), list(map(str, actors)))
    panel.set_yticks(range(len(critics)), list(map(str, critics)))
    middle = sum(limits) / 2
    for (i, j), value in np.ndenumerate(cells):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            panel.text(j, i, f"{value:.3g}", ha="center", va="center", color=colour, fontsize=7)

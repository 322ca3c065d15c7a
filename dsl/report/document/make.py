"""A report from beginning to end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

from dsl.errors import UsageError
from dsl.language.problems import did_you_mean, listed, nearest
from dsl.report.data.comparison import Comparison, compare
from dsl.report.data.parameters import counter
from dsl.report.data.policies import representatives
from dsl.report.data.runs import Run, metrics_of, read_runs
from dsl.report.data.scores import Score, as_csv, as_markdown, median, scores
from dsl.report.document.appendix import append
from dsl.report.document.network_sections import Shown, show_networks
from dsl.report.document.page import Document, Picture
from dsl.report.document.publish import publish
from dsl.report.figures import scaling
from dsl.report.figures.curves import learning_curves
from dsl.report.figures.heat_map import heat_map
from dsl.report.figures.style import RC

Say = Callable[[str], None]


class ReportOptions(NamedTuple):
    """What a report is to hold.

    Attributes:
        metric: the score.
        last: evaluations that a run's final performance is the mean of.
        checkpoints: whether trained networks are looked at.
        every_run: whether the networks of all runs are, not only of those that stand for a group.
        aim: whether figures are kept in the run folders and shown in Aim.
        trust: whether the Python modules that runs import may be executed.
    """

    metric: str = "eval/time_at_goal"
    last: int = 5
    checkpoints: bool = True
    every_run: bool = False
    aim: bool = True
    trust: bool = False


def make(paths: Sequence[Path], out: Path, wishes: ReportOptions, say: Say) -> None:
    """Write the report of some runs into a folder.

    Args:
        paths: run folders, or folders that hold runs.
        out: folder of the report.
        wishes: what it is to hold.
        say: receives lines on what is done, and on what is left out.

    Raises:
        UsageError: no run can be used, none has the metric, or `out` cannot be written.
    """
    runs, problems = read_runs(paths)
    if not runs:
        raise UsageError("\n".join([*problems, "There is no run to report on."]))
    comparison = compare(runs, wishes.metric)
    _require_scores(runs, comparison)
    notes = [*problems, *_gaps(runs, comparison)]
    for note in notes:
        say(note)
    with matplotlib.rc_context(RC):
        document = Document(out, say)
        _scores(document, comparison, wishes)
        shared = list(document.pictures)
        shown: Shown = {}
        if wishes.checkpoints:
            trained = representatives(
                comparison, wishes.last, wishes.every_run, say, trust=wishes.trust
            )
            shown = show_networks(document, trained)
        append(document, comparison, notes, wishes.last)
        document.close(f"{', '.join(comparison.tasks)}: {comparison.title or 'report'}")
    if wishes.aim:
        publish(_by_folder(comparison, wishes.last, shared, shown), say)


def _scores(document: Document, comparison: Comparison, wishes: ReportOptions) -> None:
    """Everything that comes from recorded metrics."""
    found = scores(comparison, wishes.last)
    document.figure(
        "learning_curves",
        learning_curves(comparison),
        "Learning curves",
        "Interquartile mean over runs and its 95% stratified-bootstrap interval.",
    )
    tables = as_markdown(comparison, found)
    document.text("final.csv", as_csv(comparison, found, wishes.last))
    document.text("final.md", tables)
    caption = (
        f"`{comparison.metric}`, of every finished run the mean of its last {wishes.last} "
        "evaluations. IQM: interquartile mean over runs, with its 95% stratified-bootstrap "
        "interval; of fewer than four runs it is the mean."
    )
    document.section("Final performance", caption, tables)
    _scalings(document, comparison, found, trust=wishes.trust)


def _scalings(
    document: Document, comparison: Comparison, found: Sequence[Score], *, trust: bool
) -> None:
    caption = "Final performance: interquartile mean over runs and its 95% interval."
    for column in (*scaling.DEPTHS, scaling.BATCH):
        figure = scaling.over(comparison, found, column)
        name = f"{column.replace(' ', '_')}_scaling"
        document.figure(name, figure, f"Scaling: {column}", caption)
    wider = scaling.over_parameters(
        comparison, found, counter(comparison, document.say, trust=trust)
    )
    document.figure("parameters", wider, "Wider against deeper", caption)
    heat, caption = heat_map(comparison, found), "Final performance: interquartile mean over runs."
    document.figure("heat_map", heat, "Actor and critic depth", caption)


def _require_scores(runs: Sequence[Run], comparison: Comparison) -> None:
    if not comparison.groups:
        names, metric = metrics_of(runs), comparison.metric
        guess = did_you_mean(nearest(metric, names))
        raise UsageError(
            f"--metric {metric}: no run has it.{guess}{listed('There are', names, 40)}"
        )


def _gaps(runs: Sequence[Run], comparison: Comparison) -> list[str]:
    """A line on every run that is not at its end, and on every one without the metric."""
    shown = {member.run.folder for group in comparison.groups for member in group.members}
    lost = [f"{r.folder}: has no {comparison.metric}." for r in runs if r.folder not in shown]
    return lost + [
        f"{run.folder}: not finished; {run.env_steps:,} environment steps so far. It is in the "
        "learning curves and not in the final performance."
        for run in runs
        if not run.is_finished and run.folder in shown
    ]


def _by_folder(
    comparison: Comparison, last: int, shared: Sequence[Picture], shown: Shown
) -> dict[Path, list[Picture]]:
    """Figures of one run for that run; those of all runs for the median run of each group."""
    found = {folder: list(pictures) for folder, pictures in shown.items()}
    stand = {median(group.members, last).run.folder for group in comparison.groups}
    return found | {folder: [*found.get(folder, []), *shared] for folder in sorted(stand)}

"""A report from beginning to end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

from dsl.errors import UsageError
from dsl.language.problems import did_you_mean, listed, nearest
from dsl.report.data.comparison import Comparison, compare_runs
from dsl.report.data.display import markdown_code, markdown_text, shortened
from dsl.report.data.parameters import parameter_counter
from dsl.report.data.policies import representative_policies
from dsl.report.data.runs import Run, best_metric, metrics_of, read_runs
from dsl.report.data.scores import (
    ALL_TASKS,
    Score,
    averaged_counts,
    idle_scores,
    median_run,
    score_groups,
    scores_as_csv,
    scores_as_markdown,
)
from dsl.report.document.appendix import append_appendix
from dsl.report.document.captions import describe_averaging, describe_estimate, describe_mean
from dsl.report.document.network_sections import Shown, show_networks
from dsl.report.document.page import Document, Picture
from dsl.report.document.publish import publish_pictures
from dsl.report.figures import scaling
from dsl.report.figures.curves import learning_curves
from dsl.report.figures.heat_map import heat_map
from dsl.report.figures.style import RC

Say = Callable[[str], None]


class ReportOptions(NamedTuple):
    """Options of a report.

    Attributes:
        metric: the score; None for the metric that the runs chose their best checkpoint by.
        last: evaluations that a run's final performance is the mean of.
        checkpoints: whether to show trained networks.
        every_run: whether to show the networks of all runs, not only of one run per group.
        aim: whether to copy figures into the run folders and to Aim.
        trust: whether the Python modules that runs import may be executed.
    """

    metric: str | None = None
    last: int = 5
    checkpoints: bool = True
    every_run: bool = False
    aim: bool = True
    trust: bool = False


def make_report(paths: Sequence[Path], out: Path, options: ReportOptions, say: Say) -> None:
    """Write the report of some runs into a folder.

    Args:
        paths: run folders, or folders that hold runs.
        out: folder of the report.
        options: of the report.
        say: receives lines about progress and about what is left out.

    Raises:
        UsageError: no run can be used, none has the metric, or `out` cannot be written.
    """
    runs, problems = read_runs(paths)
    if not runs:
        raise UsageError("\n".join([*problems, "There is no run to report on."]))
    comparison = compare_runs(runs, options.metric or best_metric(runs))
    _require_scores(runs, comparison, asked=options.metric is not None)
    notes = [*problems, *_gaps(runs, comparison)]
    for note in notes:
        say(note)
    with matplotlib.rc_context(RC):
        document = Document(out, say)
        _scores(document, comparison, options)
        shared = list(document.pictures)
        shown: Shown = {}
        if options.checkpoints:
            trained = representative_policies(
                comparison, options.last, options.every_run, say, trust=options.trust
            )
            shown = show_networks(document, trained)
        append_appendix(document, comparison, notes, options.last)
        document.close(f"{', '.join(comparison.tasks)}: {comparison.title or 'report'}")
    if options.aim:
        publish_pictures(_by_folder(comparison, options.last, shared, shown), say)


def _scores(document: Document, comparison: Comparison, options: ReportOptions) -> None:
    """Write the sections that need recorded metrics only."""
    found = score_groups(comparison, options.last)
    document.figure(
        "learning_curves",
        learning_curves(comparison),
        "Learning curves",
        describe_estimate([len(group.scored_runs) for group in comparison.groups]),
    )
    tables = scores_as_markdown(comparison, found)
    document.text("final.csv", scores_as_csv(comparison, found))
    document.text("final.md", tables)
    averaging = describe_averaging(averaged_counts(comparison.groups, options.last), options.last)
    caption = (
        f"{markdown_code(comparison.metric)}, of every finished run the mean of its "
        f"{averaging}. IQM: interquartile mean over runs, with its 95% "
        "stratified-bootstrap interval; of fewer than four runs it is the mean."
    )
    idle = idle_scores(comparison)
    for line in idle:
        document.say(line)
    document.section("Final performance", caption, *map(markdown_text, idle), tables)
    _scalings(document, comparison, found, trust=options.trust)


def _scalings(
    document: Document, comparison: Comparison, found: Sequence[Score], *, trust: bool
) -> None:
    counts = [score.runs for score in found if score.task != ALL_TASKS]
    caption = f"Final performance. {describe_estimate(counts)}"
    for column in (*scaling.DEPTHS, scaling.BATCH):
        figure = scaling.scaling_figure(comparison, found, column)
        name = f"{column.replace(' ', '_')}_scaling"
        document.figure(name, figure, f"Scaling: {column}", caption)
    wider = scaling.parameter_scaling_figure(
        comparison, found, parameter_counter(comparison, document.say, trust=trust)
    )
    document.figure("parameters", wider, "Wider against deeper", caption)
    caption = f"Final performance. {describe_mean(counts)}."
    document.figure("heat_map", heat_map(comparison, found), "Actor and critic depth", caption)


def _require_scores(runs: Sequence[Run], comparison: Comparison, *, asked: bool) -> None:
    if not comparison.groups:
        names, metric = metrics_of(runs), shortened(comparison.metric)
        guess = did_you_mean(nearest(comparison.metric, names))
        problem = (
            f"--metric {metric}: no run has it."
            if asked
            else f"Experiment.best_by is {metric}, and no run has it. Choose another with --metric."
        )
        raise UsageError(f"{problem}{guess}{listed('There are', names, 40)}")


def _gaps(runs: Sequence[Run], comparison: Comparison) -> list[str]:
    """Return a line about every unfinished run and every run without the metric."""
    shown = {
        scored_run.run.folder for group in comparison.groups for scored_run in group.scored_runs
    }
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
    """Assign figures to run folders: shared ones go to the median run of each group."""
    found = {folder: list(pictures) for folder, pictures in shown.items()}
    stand = {median_run(group.scored_runs, last).run.folder for group in comparison.groups}
    return found | {folder: [*found.get(folder, []), *shared] for folder in sorted(stand)}

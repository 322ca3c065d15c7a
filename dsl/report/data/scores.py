"""Final performance: a number per run, and an estimate per group."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dsl.report.data.comparison import Comparison, Group, ScoredRun
from dsl.report.data.display import markdown_table, markdown_text, setting_in_words
from dsl.report.data.statistics import estimate_interval, standard_error
from dsl.report.data.tasks import episode_length

ALL_TASKS = "all tasks"
START = "eval/success_at_start"
_NOTEWORTHY = 0.01  # share of episodes
# Metrics that mean the same on every task, and whether they count steps of the episode.
_OF_EVERY_TASK = {
    "eval/time_at_goal": True,
    "eval/success_rate": False,
    "eval/final_success": False,
}


class Score(NamedTuple):
    """Final performance of a group of runs.

    Attributes:
        task: title of the task.
        values: what tells the group apart.
        evaluations: averaged in each run: a number, or the fewest and the most.
        runs: how many.
        iqm: interquartile mean.
        low: lower end of its 95% interval; NaN for a single run, as is the next.
        high: upper end.
        mean: over runs.
        standard_error: of the mean; NaN over several tasks, whose runs differ for other reasons.
    """

    task: str
    values: tuple
    evaluations: str
    runs: int
    iqm: float
    low: float
    high: float
    mean: float
    standard_error: float


def recent_evaluations(scored_run: ScoredRun, last: int) -> np.ndarray:
    """Return the last evaluations so far, without the untrained policy if there are others."""
    values = scored_run.curve.values
    trained = values[scored_run.curve.steps > scored_run.run.epochs[0]["env_steps"]]
    return trained[-last:] if len(trained) else values


def recent_score(scored_run: ScoredRun, last: int) -> float:
    """Return the mean of `recent_evaluations`."""
    return float(np.mean(recent_evaluations(scored_run, last)))


def median_run(scored_runs: Sequence[ScoredRun], last: int) -> ScoredRun:
    """Return the run with the median score, the lower of two."""
    return sorted(scored_runs, key=lambda scored_run: recent_score(scored_run, last))[
        (len(scored_runs) - 1) // 2
    ]


def final_scores(group: Group, last: int) -> np.ndarray:
    """Return the final performance of the finished runs of a group (runs,)."""
    scores = [recent_score(scored_run, last) for scored_run in _finished(group)]
    return np.array(scores, np.float64)


def averaged_counts(groups: Iterable[Group], last: int) -> list[int]:
    """Return how many evaluations the final performance of each finished run is the mean of."""
    return [len(recent_evaluations(one, last)) for group in groups for one in _finished(group)]


def _finished(group: Group) -> list[ScoredRun]:
    return [scored_run for scored_run in group.scored_runs if scored_run.run.is_finished]


def score_groups(comparison: Comparison, last: int) -> list[Score]:
    """Score each group that has a finished run.

    If the metric means the same on several tasks, score each label over all of them too.
    """
    found = [
        _score(
            group.task,
            group.values,
            [final_scores(group, last)],
            averaged_counts([group], last),
        )
        for group in comparison.groups
        if len(final_scores(group, last))
    ]
    return [*found, *_over_tasks(comparison, last)]


def idle_scores(comparison: Comparison) -> list[str]:
    """Return a line about each task where more than 1% of episodes start inside the goal."""
    shares: dict[str, list[float]] = {}
    for group in comparison.groups:
        for scored_run in group.scored_runs:
            curve = scored_run.run.curves(START).get(scored_run.learner)
            if curve is not None and len(curve.values):
                shares.setdefault(group.task, []).append(float(np.mean(curve.values)))
    return [
        f"{task}: {np.mean(values):.1%} of the evaluation episodes start inside the goal, so a "
        "policy that does nothing succeeds in them too."
        for task, values in shares.items()
        if np.mean(values) > _NOTEWORTHY
    ]


def _over_tasks(comparison: Comparison, last: int) -> list[Score]:
    """Score the labels that were run on every task, with one stratum per task."""
    if comparison.metric not in _OF_EVERY_TASK or len(comparison.tasks) < 2:
        return []
    strata: dict[str, list[np.ndarray]] = {}
    members: dict[str, list[Group]] = {}
    values = {group.label: group.values for group in comparison.groups}
    for group in comparison.groups:
        shares = _shares(comparison.metric, group, last)
        if shares is not None and len(shares):
            strata.setdefault(group.label, []).append(shares)
            members.setdefault(group.label, []).append(group)
    return [
        _score(ALL_TASKS, values[label], strata[label], averaged_counts(members[label], last))
        for label in comparison.labels
        if len(strata.get(label, [])) == len(comparison.tasks)
    ]


def _shares(metric: str, group: Group, last: int) -> np.ndarray | None:
    """Return scores between 0 and 1, or None if the length of an episode is unknown."""
    if not _OF_EVERY_TASK[metric]:
        return final_scores(group, last)
    steps = episode_length(group.scored_runs[0].run)
    return final_scores(group, last) / steps if steps else None


def _score(
    task: str, values: tuple, strata: Sequence[np.ndarray], averaged: Sequence[int]
) -> Score:
    runs, (iqm, low, high) = np.concatenate(strata), estimate_interval(strata)
    mean, error = float(np.mean(runs)), standard_error(runs) if len(strata) == 1 else float("nan")
    fewest, most = min(averaged), max(averaged)
    evaluations = str(most) if fewest == most else f"{fewest} to {most}"
    return Score(
        task, values, evaluations, len(runs), float(iqm), float(low), float(high), mean, error
    )


def scores_as_csv(comparison: Comparison, found: Sequence[Score]) -> str:
    """Format the scores as comma-separated values at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ("task", *comparison.columns, "metric", *Score._fields[2:])
    writer.writerow(head)
    for task, values, *numbers in found:
        unit = comparison.metric if task != ALL_TASKS else _share_name(comparison.metric)
        writer.writerow([task, *values, unit, *numbers])
    return text.getvalue()


def scores_as_markdown(comparison: Comparison, found: Sequence[Score]) -> str:
    """Format the scores as a Markdown table with three significant digits."""
    columns = map(markdown_text, comparison.columns)
    head = ["task", *columns, "runs", "IQM", "95% interval", "mean ± standard error"]
    rows = []
    steps = _OF_EVERY_TASK.get(comparison.metric)
    for score in found:
        over = " (share of the episode)" if score.task == ALL_TASKS and steps else ""
        shown = [score.task + over, *map(setting_in_words, score.values)]
        rows.append([*map(markdown_text, shown), *_numbers(score)])
    return markdown_table(head, rows) + "\n"


def _numbers(score: Score) -> list[str]:
    interval = "" if np.isnan(score.low) else f"{_short(score.low)} to {_short(score.high)}"
    error = "" if np.isnan(score.standard_error) else f" ± {_short(score.standard_error)}"
    return [str(score.runs), _short(score.iqm), interval, f"{_short(score.mean)}{error}"]


def _short(number: float) -> str:
    """Format a number with three significant digits and without an exponent."""
    if number == 0 or not np.isfinite(number):
        return f"{number:g}"
    digits = 2 - int(np.floor(np.log10(abs(number))))
    return f"{number:.{max(0, min(digits, 6))}f}"


def _share_name(metric: str) -> str:
    return f"{metric} / episode_length" if _OF_EVERY_TASK[metric] else metric

"""Final performance: a number per run, and what its runs say of a group."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dsl.report.data.comparison import Comparison, Group, ScoredRun, in_words
from dsl.report.data.statistics import estimate, standard_error
from dsl.report.data.tasks import episode_length

ALL_TASKS = "all tasks"
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
        runs: how many.
        iqm: interquartile mean.
        low: lower end of its 95% interval; NaN for a single run, as is the next.
        high: upper end.
        mean: over runs.
        standard_error: of the mean; NaN over several tasks, whose runs differ for other reasons.
    """

    task: str
    values: tuple
    runs: int
    iqm: float
    low: float
    high: float
    mean: float
    standard_error: float


def recent(member: ScoredRun, last: int) -> float:
    """Mean of the last evaluations so far; that of the untrained policy counts only alone."""
    values = member.curve.values
    trained = values[member.curve.steps > member.run.epochs[0]["env_steps"]]
    return float(np.mean(trained[-last:] if len(trained) else values))


def median(members: Sequence[ScoredRun], last: int) -> ScoredRun:
    """The member with the median score, of an even number the lower."""
    return sorted(members, key=lambda member: recent(member, last))[(len(members) - 1) // 2]


def finals(group: Group, last: int) -> np.ndarray:
    """Final performance of the finished runs of a group (runs,)."""
    over = [member for member in group.members if member.run.is_finished]
    return np.array([recent(member, last) for member in over], np.float64)


def scores(comparison: Comparison, last: int) -> list[Score]:
    """A score for each group that has a finished run; where one metric serves several tasks, of
    each label over all of them too."""
    found = [
        _score(group.task, group.values, [finals(group, last)])
        for group in comparison.groups
        if len(finals(group, last))
    ]
    return [*found, *_over_tasks(comparison, last)]


def _over_tasks(comparison: Comparison, last: int) -> list[Score]:
    """Labels that were run on all of several tasks, every task a stratum of its own."""
    if comparison.metric not in _OF_EVERY_TASK or len(comparison.tasks) < 2:
        return []
    strata: dict[str, list[np.ndarray]] = {}
    values = {group.label: group.values for group in comparison.groups}
    for group in comparison.groups:
        shares = _shares(comparison.metric, group, last)
        if shares is not None and len(shares):
            strata.setdefault(group.label, []).append(shares)
    return [
        _score(ALL_TASKS, values[label], strata[label])
        for label in comparison.labels
        if len(strata.get(label, [])) == len(comparison.tasks)
    ]


def _shares(metric: str, group: Group, last: int) -> np.ndarray | None:
    """Scores between 0 and 1, or None where the length of an episode is not known."""
    if not _OF_EVERY_TASK[metric]:
        return finals(group, last)
    steps = episode_length(group.members[0].run)
    return finals(group, last) / steps if steps else None


def _score(task: str, values: tuple, strata: Sequence[np.ndarray]) -> Score:
    runs, (iqm, low, high) = np.concatenate(strata), estimate(strata)
    mean, error = float(np.mean(runs)), standard_error(runs) if len(strata) == 1 else float("nan")
    return Score(task, values, len(runs), float(iqm), float(low), float(high), mean, error)


def as_csv(comparison: Comparison, found: Sequence[Score], last: int) -> str:
    """The scores as comma-separated values at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ("task", *comparison.columns, "metric", "evaluations", *Score._fields[2:])
    writer.writerow(head)
    for task, values, *numbers in found:
        unit = comparison.metric if task != ALL_TASKS else _share_name(comparison.metric)
        writer.writerow([task, *values, unit, last, *numbers])
    return text.getvalue()


def as_markdown(comparison: Comparison, found: Sequence[Score]) -> str:
    """The scores as a table, three significant digits."""
    head = ["task", *comparison.columns, "runs", "IQM", "95% interval", "mean ± standard error"]
    lines = [head, ["---"] * len(head)]
    steps = _OF_EVERY_TASK.get(comparison.metric)
    for score in found:
        over = " (share of the episode)" if score.task == ALL_TASKS and steps else ""
        lines.append([score.task + over, *map(in_words, score.values), *_numbers(score)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _numbers(score: Score) -> list[str]:
    interval = "" if np.isnan(score.low) else f"{_short(score.low)} to {_short(score.high)}"
    error = "" if np.isnan(score.standard_error) else f" ± {_short(score.standard_error)}"
    return [str(score.runs), _short(score.iqm), interval, f"{_short(score.mean)}{error}"]


def _short(number: float) -> str:
    """Three significant digits, and never an exponent where people expect none."""
    if number == 0 or not np.isfinite(number):
        return f"{number:g}"
    digits = 2 - int(np.floor(np.log10(abs(number))))
    return f"{number:.{max(0, min(digits, 6))}f}"


def _share_name(metric: str) -> str:
    return f"{metric} / episode_length" if _OF_EVERY_TASK[metric] else metric

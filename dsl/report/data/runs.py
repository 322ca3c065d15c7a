"""Runs as recorded in their folders."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dsl.errors import UsageError
from dsl.records.durable_files import UnreadableError
from dsl.records.kept_trial import is_dropped
from dsl.records.metrics_log import describe_gaps, read_metrics
from dsl.records.resume import read_finished
from dsl.records.run_folder import ENVIRONMENT, EXPERIMENT, METRICS
from dsl.records.same_run import MAY_CHANGE
from dsl.tracking.add_runs import find_record_problem, find_runs

SEED = "Experiment.seed"
TOTAL = "Experiment.total_env_steps"
_BEST_BY = "Experiment.best_by"
_DEFAULT_METRIC = "eval/time_at_goal"  # of runs that are older than the setting
# Settings that change no number of a run.
_IMMATERIAL = {f"Experiment.{name}" for name in MAY_CHANGE} - {TOTAL}
_TRACKER_FAMILY = "tracker."


class Curve(NamedTuple):
    """One metric of one learner, where it is a number.

    Attributes:
        steps: environment steps, ascending.
        values: of the metric there.
    """

    steps: np.ndarray
    values: np.ndarray


class Run:
    """What one run folder holds.

    Attributes:
        folder: of the run.
        experiment: stem of its gin file.
        settings: every value, by family, role or word, and setting: `network.critic.depth`.
        epochs: lines of `metrics.jsonl`.
        environment: versions, device and source revision, as far as they are known.

    Raises:
        UnreadableError: how the run ended cannot be read now.
    """

    def __init__(self, folder: Path):
        described = json.loads((folder / EXPERIMENT).read_text())
        self.folder = folder
        self.experiment: str = described["name"]
        self.settings = dict(_flat(described["hyperparameters"]))
        self.epochs = read_metrics(folder / METRICS)
        self.environment = _environment(folder)
        self._end = read_finished(folder)

    @property
    def seed(self) -> Any:
        return self.settings.get(SEED)

    @cached_property
    def material(self) -> dict[str, Any]:
        """The settings that affect the numbers of the run, except the seed."""
        ignored = _IMMATERIAL | {SEED}
        return {
            path: value
            for path, value in self.settings.items()
            if path not in ignored and not path.startswith(_TRACKER_FAMILY)
        }

    @property
    def env_steps(self) -> int:
        """Environment steps so far."""
        return int(self.epochs[-1]["env_steps"])

    @property
    def is_finished(self) -> bool:
        """Return whether the run has reached its total."""
        total, end = self.settings.get(TOTAL), self._end
        if not isinstance(total, int):
            return end is not None
        # A finished run that is being extended still has the mark of its earlier end.
        return self.env_steps >= total or (end is not None and end.env_steps >= total)

    def gaps(self) -> str | None:
        """Return which epochs its record lacks or repeats, as part of a message; None if none."""
        return describe_gaps(self.epochs, self._end.epoch if self._end else None)

    def curves(self, metric: str) -> dict[str, Curve]:
        """Return a metric such as `eval/time_at_goal` by learner; a single learner is named ""."""
        names = {name for epoch in self.epochs for name in epoch}
        found = {
            learner: name
            for name in sorted(names)
            if (learner := _learner(name, metric)) is not None
        }
        return {learner: self._curve(name) for learner, name in found.items()}

    def _curve(self, name: str) -> Curve:
        pairs = [(e["env_steps"], e[name]) for e in self.epochs if e.get(name) is not None]
        steps, values = zip(*pairs, strict=True) if pairs else ((), ())
        return Curve(np.array(steps, np.int64), np.array(values, np.float64))


def read_runs(paths: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """Read the runs in these folders; also return a line about each folder left out."""
    paths = list(paths)
    folders, problems = find_runs(paths)
    named = {path.absolute() for path in paths}
    runs = []
    for folder in folders:
        if is_dropped(folder) and folder not in named:
            problems.append(
                f"{folder}: is no longer part of its sweep; left out unless it is named."
            )
            continue
        if problem := find_record_problem(folder):
            problems.append(problem)
            continue
        try:
            run = Run(folder)
        except (TypeError, AttributeError) as error:
            problems.append(f"{folder}: {EXPERIMENT} is damaged ({error}).")
            continue
        except UnreadableError as error:
            problems.append(str(error))
            continue
        if run.epochs:
            runs.append(run)
        else:
            problems.append(f"{folder}: has no epoch yet.")
        if gaps := run.gaps():
            problems.append(f"{folder}: its record {gaps}.")
    return _without_repeats(runs, problems), problems


def best_metric(runs: Iterable[Run]) -> str:
    """Return the metric that the runs chose their best checkpoint by.

    Raises:
        UsageError: they chose it by different metrics.
    """
    found = {str(run.settings.get(_BEST_BY, _DEFAULT_METRIC)).removeprefix("-") for run in runs}
    if len(found) > 1:
        raise UsageError(
            "The runs chose their best checkpoint by different metrics "
            f"({', '.join(sorted(found))}). Choose the score with --metric."
        )
    return found.pop()


def metrics_of(runs: Iterable[Run]) -> list[str]:
    """List the names of all metrics without the names of learners."""
    names = {name for run in runs for epoch in run.epochs for name in epoch}
    parts = (name.split("/") for name in names if "/" in name)
    return sorted({f"{part[0]}/{part[-1]}" for part in parts})


def _without_repeats(runs: list[Run], problems: list[str]) -> list[Run]:
    """Keep one run per seed and settings: a repetition adds no evidence."""
    kept: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: not run.is_finished):
        first = kept.setdefault(json.dumps([run.seed, run.material], sort_keys=True), run)
        if first is not run:
            problems.append(f"{run.folder}: repeats {first.folder}, seed and all; left out.")
    return [run for run in runs if run in kept.values()]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _learner(name: str, metric: str) -> str | None:
    """Return the learner that `name` reports `metric` of, "" for a single one, or None."""
    subset, *learner, quantity = name.split("/") if "/" in name else ("", name)
    is_it = metric in (name, f"{subset}/{quantity}")
    return "/".join(learner) if is_it else None


def _environment(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / ENVIRONMENT).read_text()))
    except (OSError, ValueError, TypeError):
        return {}

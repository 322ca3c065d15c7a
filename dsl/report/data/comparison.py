"""What differs between runs, seeds aside, and which runs differ in nothing else."""

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from dsl.report.data.display import setting_in_words
from dsl.report.data.runs import Curve, Run
from dsl.report.data.tasks import is_of_task, task_titles

# Settings that are shown whenever they differ; others only where nothing shown tells runs apart.
_KNOB = re.compile(r"network\.[^.]+\.(depth|width)|Experiment\.(batch_size|num_envs)")
EXPERIMENT, LEARNER = "experiment", "learner"


class ScoredRun(NamedTuple):
    """One learner of one run, and what it scored."""

    run: Run
    learner: str
    curve: Curve


class Group(NamedTuple):
    """Runs that differ in their seed alone.

    Attributes:
        task: title of the task.
        values: of every column.
        members: by seed.
    """

    task: str
    values: tuple[Any, ...]
    scored_runs: list[ScoredRun]

    @property
    def label(self) -> str:
        """The values in words."""
        return ", ".join(map(setting_in_words, self.values))


class Comparison(NamedTuple):
    """Groups of runs and what tells them apart.

    Attributes:
        metric: the score, such as `eval/time_at_goal`.
        columns: titles of what differs: `critic depth`, `batch size`.
        groups: in the order of tasks and values.
    """

    metric: str
    columns: list[str]
    groups: list[Group]

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(group.task for group in self.groups))

    @property
    def labels(self) -> list[str]:
        """Of all tasks, each once, in the order of their values."""
        return labels_of(self.groups)

    @property
    def title(self) -> str:
        """What a label holds."""
        return ", ".join(self.columns)


def compare_runs(runs: Sequence[Run], metric: str) -> Comparison:
    """Group runs by task and by everything else that differs within a task, seeds aside."""
    tasks = task_titles(runs)
    columns = _columns(runs, tasks)
    scored = [
        (run, learner, curve)
        for run in runs
        for learner, curve in run.curves(metric).items()
        if len(curve.steps)
    ]
    several = any(learner for _, learner, _ in scored)
    places = {id(run): i for i, run in enumerate(runs)}
    groups: dict[Hashable, Group] = {}
    for run, learner, curve in scored:
        i = places[id(run)]
        values = (
            *(column[i] for column in columns.values()),
            *((learner or "learner",) if several else ()),
        )
        key = (tasks[i], tuple(map(str, values)))
        groups.setdefault(key, Group(tasks[i], values, [])).scored_runs.append(
            ScoredRun(run, learner, curve)
        )
    ordered = sorted(groups.values(), key=lambda g: (tasks.index(g.task), _order(g.values)))
    return Comparison(metric, [*columns, *([LEARNER] if several else [])], ordered)


def by_task(comparison: Comparison) -> dict[str, Comparison]:
    """Return the groups of each task, by its title."""
    return {
        task: comparison._replace(groups=[g for g in comparison.groups if g.task == task])
        for task in comparison.tasks
    }


def split_by_first_column(comparison: Comparison) -> dict[str, Comparison]:
    """Return the groups of each task and value of the first column, which is dropped."""
    if len(comparison.columns) < 2:
        return by_task(comparison)
    first, *rest = comparison.columns
    found: dict[str, list[Group]] = {}
    for group in comparison.groups:
        task = [group.task] if len(comparison.tasks) > 1 else []
        title = ", ".join([*task, f"{first} {setting_in_words(group.values[0])}"])
        found.setdefault(title, []).append(group._replace(values=group.values[1:]))
    return {
        title: comparison._replace(columns=rest, groups=groups) for title, groups in found.items()
    }


def labels_of(groups: Iterable[Group]) -> list[str]:
    """Return the distinct labels in the order of their values."""
    ordered = sorted(groups, key=lambda group: _order(group.values))
    return list(dict.fromkeys(group.label for group in ordered))


def _columns(runs: Sequence[Run], tasks: Sequence[str]) -> dict[str, list[Any]]:
    """Return the settings that differ: title, and the value in each run."""
    paths = dict.fromkeys(path for run in runs for path in run.material if not is_of_task(path))
    values = {path: [run.material.get(path) for run in runs] for path in paths}
    knobs = [path for path in paths if _KNOB.fullmatch(path)]
    chosen = [path for path in knobs if _differs(values[path], tasks)]
    values[EXPERIMENT] = [run.experiment for run in runs]
    classes = [list(tasks), *(values[path] for path in chosen)]
    for path in (EXPERIMENT, *paths):
        if path not in chosen and _differs(values[path], _keys(classes)):
            chosen.append(path)
            classes.append(values[path])
    return _titled({path: values[path] for path in chosen})


def _keys(classes: Iterable[Sequence[Any]]) -> list[str]:
    return [str(key) for key in zip(*classes, strict=True)]


def _differs(values: Sequence[Any], classes: Sequence[str]) -> bool:
    """Return whether two runs of one class differ; a missing value is not a difference."""
    seen: dict[str, Any] = {}
    pairs = [(c, v) for c, v in zip(classes, values, strict=True) if v is not None]
    return any(seen.setdefault(c, v) != v for c, v in pairs)


def _titled(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Give columns short titles; merge settings of one name that always agree."""
    together: dict[tuple[str, str], list[str]] = {}
    for path, values in columns.items():
        together.setdefault((path.rpartition(".")[2], str(values)), []).append(path)
    titles = [_title(paths) for paths in together.values()]
    return {
        title if titles.count(title) == 1 else paths[0]: columns[paths[0]]
        for title, paths in zip(titles, together.values(), strict=True)
    }


def _title(paths: Sequence[str]) -> str:
    """Return `critic depth` for one network, `depth` for several; otherwise the setting's name."""
    *place, setting = paths[0].split(".")
    name = place[0] if setting == "word" else setting.replace("_", " ")
    alone = len(paths) == 1 and len(place) == 2 and place[0] == "network" and place[1].islower()
    return f"{place[1]} {name}" if alone else name


def _order(values: Iterable[Any]) -> tuple:
    """Return a sort key: numbers by size, then the rest by name."""
    return tuple(
        (1, 0.0, str(v)) if v is None or isinstance(v, str | list | bool) else (0, v, "")
        for v in values
    )

"""The tasks of runs, by short titles that tell them apart."""

import json
from collections.abc import Sequence
from typing import Any

from dsl.report.data.display import shortened
from dsl.report.data.runs import Run

_COLLECTED, _SCORED = "Experiment.environment", "Experiment.eval_environment"
_FAMILY = "env."


def task_titles(runs: Sequence[Run]) -> list[str]:
    """Return the title of each run's task: its word, its maze, and whatever else differs.

    Runs that were trained on different tasks have different titles.
    """
    keys = [json.dumps(_whole(run), sort_keys=True) for run in runs]
    scored, trained = (dict(zip(keys, map(f, runs), strict=True)) for f in (_scored, _trained))
    titles = {key: _title(own, list(scored.values())) for key, own in scored.items()}
    shown = list(titles.values())
    for key, title in titles.items():
        if shown.count(title) > 1:
            titles[key] = f"{title}, trained on {_title(trained[key], list(trained.values()))}"
    return [shortened(titles[key]) for key in keys]


def episode_length(run: Run) -> int | None:
    """Return the steps of an evaluation episode, or None if the task has no such setting."""
    return _scored(run).get("episode_length")


def is_of_task(path: str) -> bool:
    """Return whether a setting belongs to the task."""
    return path.startswith(_FAMILY) or path in (_COLLECTED, _SCORED)


def _whole(run: Run) -> dict[str, Any]:
    return {path: value for path, value in run.material.items() if is_of_task(path)}


def _scored(run: Run) -> dict[str, Any]:
    return _settings(run, run.material.get(_SCORED) or run.material.get(_COLLECTED))


def _trained(run: Run) -> dict[str, Any]:
    return _settings(run, run.material.get(_COLLECTED))


def _settings(run: Run, place: Any) -> dict[str, Any]:
    """Return the word and settings of a task such as `env.AntMaze` or `scope/env.AntMaze`."""
    role, _, word = str(place or "task").rstrip("()").rpartition("/")
    word = word.removeprefix(_FAMILY)
    prefix = f"{_FAMILY}{role or word}."
    own = {p.removeprefix(prefix): v for p, v in run.material.items() if p.startswith(prefix)}
    return {**own, "word": word}


def _title(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> str:
    alike = [other for other in others if other["word"] == own["word"]]
    shown = [
        str(value) if name == "layout" else f"{name.replace('_', ' ')} {value}"
        for name, value in own.items()
        if name == "layout" or any(other.get(name) != value for other in alike)
    ]
    return " ".join([own["word"], *shown])

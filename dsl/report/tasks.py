"""The tasks of runs, by short titles that tell them apart."""

import json
from collections.abc import Sequence
from typing import Any

from dsl.report.runs import Run

_COLLECTED, _SCORED = "Experiment.environment", "Experiment.eval_environment"
_EPISODE = "episode_length"


def task_titles(runs: Sequence[Run]) -> list[str]:
    """Of each run the task that it is scored on: its word, its maze, and whatever else differs.

    Runs on different tasks have different titles.
    """
    keys = [json.dumps(_task(run), sort_keys=True) for run in runs]
    settings = dict(zip(keys, map(_scored, runs), strict=True))
    titles = {key: _title(own, list(settings.values())) for key, own in settings.items()}
    shown = list(titles.values())
    for key, title in titles.items():
        if shown.count(title) > 1:  # they differ in what data is collected on
            titles[key] = f"{title} ({list(titles).index(key) + 1})"
    return [titles[key] for key in keys]


def episode_length(run: Run) -> int | None:
    """Steps of an episode of the task that the run is scored on, where that is a setting."""
    return _scored(run).get(_EPISODE)


def _task(run: Run) -> dict[str, Any]:
    """Everything of the task, that data is collected on and that is scored."""
    places = (_COLLECTED, _SCORED)
    own = {path: v for path, v in run.material.items() if path.startswith("env.")}
    return {**own, **{place: run.material.get(place) for place in places}}


def _scored(run: Run) -> dict[str, Any]:
    """The word of the scored task and its settings."""
    word = str(run.material.get(_SCORED) or run.material.get(_COLLECTED) or "task").rstrip("()")
    role, _, name = word.rpartition("/")
    name = name.removeprefix("env.")
    prefix = f"env.{role or name}."
    own = {p.removeprefix(prefix): v for p, v in run.material.items() if p.startswith(prefix)}
    return {"word": name, **own}


def _title(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> str:
    alike = [other for other in others if other["word"] == own["word"]]
    shown = [
        f"{value}" if name == "layout" else f"{name.replace('_', ' ')} {value}"
        for name, value in own.items()
        if name == "layout" or (name != "word" and any(o.get(name) != value for o in alike))
    ]
    return " ".join([own["word"], *shown])

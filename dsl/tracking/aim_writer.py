"""Writes one run into an Aim repository, from nothing but the run's folder.

The only module that imports Aim. `aim_follower` uses it in a separate process, and so does
`add_runs`.
"""

import gc
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aim

from dsl.errors import printable
from dsl.records.metrics_log import read_metrics
from dsl.records.resume import read_finished
from dsl.records.run_folder import CONFIG, EXPERIMENT, METRICS, OPERATIVE
from dsl.records.run_times import read_run_times
from dsl.tracking.aim_repository import known_run, remember_run

_COUNTERS = ("env_steps", "epoch")


class AimWriter:
    """The Aim run of a run folder: settings, gin texts, then one point per metric and epoch.

    A folder is the same Aim run every time, and Aim keeps one value per metric and step, so that
    writing a point again replaces it.

    The x axis is environment steps. `eval/success_rate` becomes the metric `success_rate` with
    the context `{"subset": "eval"}`; `train/deep/critic_loss` becomes `critic_loss` with
    `{"subset": "train", "learner": "deep"}`.

    Args:
        folder: the run's folder.
        root: the folder that holds the repository `.aim`.
    """

    def __init__(self, folder: Path, root: Path):
        experiment = json.loads((folder / EXPERIMENT).read_text())
        self._env_steps, self._folder = 0, folder
        self._run = _open_run(folder, root)
        self._run.experiment = printable(experiment["name"])
        self._run.name = printable(folder.name)
        self._run["finished"] = False
        self._run["macros"] = experiment["macros"]
        self._run["hparams"] = experiment["hyperparameters"]
        for name in (CONFIG, OPERATIVE):
            self._run.track(aim.Text((folder / name).read_text()), name=name, step=0)

    def log(self, metrics: Mapping[str, Any]) -> None:
        self._env_steps = metrics["env_steps"]
        for metric, value in metrics.items():
            # A null stands for a number that is not finite, which Aim cannot draw.
            if metric not in _COUNTERS and value is not None:
                self._track(metric, float(value), metrics["epoch"])

    def picture(self, name: str, path: Path) -> None:
        self._run.track(aim.Image(str(path)), name=name, step=self._env_steps)

    def close(self, *, ended: bool) -> None:
        """Finish writing; a run that has not ended stays active in Aim, for the next writer."""
        self._run["finished"] = ended and read_finished(self._folder) is not None
        if times := read_run_times(self._folder):
            _set_start(self._run, times.start)
        if not ended:
            _set_end(self._run, None)
        elif times:
            _set_end(self._run, times.end)
        self._run.close()

    def _track(self, metric: str, value: float, epoch: int) -> None:
        name, context = split_metric_name(metric)
        self._run.track(value, name=name, step=self._env_steps, epoch=epoch, context=context)


def split_metric_name(metric: str) -> tuple[str, Any]:
    """Return the name and context by which Aim knows one of our metrics."""
    *where, name = metric.split("/", 2)
    return name, dict(zip(("subset", "learner"), where, strict=False))


def _set_start(run: Any, start: datetime) -> None:
    """Give a run its own start; Aim takes that of the writing for it otherwise."""
    properties = run.props  # Aim has no public way to set it
    properties._model.created_at = start.astimezone(UTC).replace(tzinfo=None)
    properties._session.add(properties._model)
    properties._session.commit()


def _set_end(run: Any, end: datetime | None) -> None:
    """Give a run its own end, or none, when it is closed; Aim takes the present otherwise."""
    attributes, seconds = run.meta_run_tree, end and end.timestamp()
    run._resources.set_run_end_time = lambda: attributes.__setitem__("end_time", seconds)


def _open_run(folder: Path, root: Path) -> aim.Run:
    name = known_run(folder, root)
    if name is not None and _has_other_steps(folder, root, name):
        gc.collect()  # Aim writes to a run once more when its objects are collected
        aim.Repo.from_path(str(root)).delete_run(name)
        name = None
    run = _make_run(root, name)
    if name is None:
        remember_run(folder, run.hash)
    return run


def _make_run(root: Path, name: str | None) -> aim.Run:
    return aim.Run(
        run_hash=name,
        repo=str(root),
        system_tracking_interval=None,
        log_system_params=False,
        capture_terminal_logs=False,
    )


def _has_other_steps(folder: Path, root: Path, name: str) -> bool:
    """Return whether Aim has points that the record lost when the run resumed from a checkpoint."""
    recorded = {epoch["env_steps"] for epoch in read_metrics(folder / METRICS)}
    run = _make_run(root, name)
    try:
        metrics = [run.get_metric(name, context) for name, context, _ in run.iter_metrics_info()]
        steps = {step for m in metrics if m is not None for step in m.data.indices_list()}
        return not steps <= recorded
    finally:
        run.close()

"""Writes one run into an Aim repository, from nothing but the run's folder.

The only module that imports Aim. It is used by `aim_follower`, in a process of its own.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aim

from dsl.run_folder import CONFIG, EXPERIMENT, OPERATIVE

_COUNTERS = ("env_steps", "epoch")


class AimTracker:
    """A new Aim run: settings, gin texts, then one point per metric and epoch.

    The x axis is environment steps. `eval/success_rate` becomes the metric `success_rate` with
    the context `{"subset": "eval"}`; `train/deep/critic_loss` becomes `critic_loss` with
    `{"subset": "train", "learner": "deep"}`.

    Args:
        folder: the run's folder; the repository is `.aim` beside it.
    """

    def __init__(self, folder: Path):
        experiment = json.loads((folder / EXPERIMENT).read_text())
        self._env_steps = 0
        self._run = aim.Run(
            repo=str(folder.parent),
            experiment=experiment["name"],
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )
        self._run.name = folder.name
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

    def close(self) -> None:
        self._run.close()

    def _track(self, metric: str, value: float, epoch: int) -> None:
        name, context = place(metric)
        self._run.track(value, name=name, step=self._env_steps, epoch=epoch, context=context)


def place(metric: str) -> tuple[str, Any]:
    """Aim's name and context for one of our metrics."""
    *where, name = metric.split("/", 2)
    return name, dict(zip(("subset", "learner"), where, strict=False))

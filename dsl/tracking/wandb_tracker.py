"""Sends one run to Weights & Biases."""

import json
import secrets
from pathlib import Path

from dsl.records.durable_files import write_atomically
from dsl.records.metrics_log import Metrics
from dsl.records.run_folder import EXPERIMENT
from dsl.tracking.optional_package import import_optional

_RUN_ID = "wandb_run"


class WandBTracker:
    """A run of Weights & Biases, the same one whenever the run folder is continued.

    The x axis is environment steps.

    Args:
        folder: the run's folder, already described.
        project: name of the project.
        entity: user or team; the default one if None.
        mode: `online` or `offline`.

    Raises:
        UsageError: `wandb` is not installed.
    """

    def __init__(self, folder: Path, project: str, entity: str | None, mode: str):
        self._wandb = import_optional("wandb", "tracker.WandB", "wandb")
        experiment = json.loads((folder / EXPERIMENT).read_text())
        self._env_steps = 0
        self._run = self._wandb.init(
            project=project,
            entity=entity,
            mode=mode,
            dir=str(folder),
            name=folder.name,
            group=experiment["name"],
            config={"macros": experiment["macros"], **experiment["hyperparameters"]},
            id=_remembered_id(folder),
            resume="allow",
            reinit="create_new",  # several seeds of one process are several runs
        )

    def log(self, metrics: Metrics) -> None:
        self._env_steps = int(metrics["env_steps"])
        self._run.log(dict(metrics), step=self._env_steps)

    def progress(self, env_steps: int) -> None:
        """Do nothing: whole epochs are sent."""

    def picture(self, name: str, path: Path) -> None:
        media = self._wandb.Video if path.suffix == ".gif" else self._wandb.Image
        self._run.log({f"{name}{path.suffix}": media(str(path))}, step=self._env_steps)

    def close(self) -> None:
        self._run.finish()


def _remembered_id(folder: Path) -> str:
    """Return the run's id at Weights & Biases, drawn when it is first asked for."""
    path = folder / _RUN_ID
    if not path.exists():
        write_atomically(path, f"{secrets.token_hex(4)} {folder.name}\n")
    name, _, of = path.read_text(encoding="utf-8").strip().partition(" ")
    # A copy of the folder under another name is another run.
    return name if of == folder.name else f"{name}-{folder.name}"

"""One run from a configuration to a filled run folder."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from components.environments.rendering.render import top_view
from dsl import driver
from dsl.build import build
from dsl.config import Configuration
from dsl.experiment import Experiment
from dsl.loop import Rollout
from dsl.provenance import environment
from dsl.run_folder import Description, RunFolder, next_folder
from dsl.tracking import trackers

RUNS = Path("runs")


def run(configuration: Configuration, file: Path, out: Path | None) -> Path:
    """Train, record and draw; returns the run's folder.

    Args:
        configuration: what to run.
        file: the gin file, which names the run.
        out: the run's folder; the next free one under `runs/` where left out.

    Raises:
        UsageError: the experiment or the folder cannot be used.
        NonFiniteError: training went wrong.
    """
    experiment = build(configuration)
    folder = next_folder(RUNS, file.stem) if out is None else out
    with RunFolder.create(folder) as owned:
        owned.describe(_description(configuration, file))
        total = experiment.schedule().env_steps(experiment.schedule().epochs)
        tracker = trackers(owned.path, total)
        _say(f"run folder: {folder}")
        try:
            rollout = driver.train(experiment, tracker.log, _say)
            with tempfile.TemporaryDirectory() as place:
                tracker.picture(
                    "final_rollout", draw(experiment, rollout, Path(place) / "rollout.png")
                )
        finally:
            tracker.close()
    _say(f"done: {folder}")
    return folder


def draw(experiment: Experiment, rollout: Rollout, path: Path) -> Path:
    """Draw the paths of evaluation episodes, seen from above, into a PNG file."""
    task = experiment.scored
    running = np.asarray(rollout.running)
    achieved = np.asarray(task.achieved_goal(rollout.observation.state))
    paths = [achieved[running[:, i], i] for i in range(running.shape[1])]
    top_view(task, paths, np.asarray(rollout.observation.goal[0]), path)
    return path


def _description(configuration: Configuration, file: Path) -> Description:
    return Description(
        experiment=file.stem,
        config=configuration.source_text(),
        operative=configuration.operative_text(),
        macros=configuration.macros(),
        hyperparameters=configuration.hyperparameters(),
        environment=environment(sys.argv),
    )


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)

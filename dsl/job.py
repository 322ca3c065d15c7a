"""One run from a configuration to a filled run folder."""

import sys
from pathlib import Path

from tqdm import tqdm

from dsl import driver
from dsl.build import build
from dsl.config import Configuration
from dsl.pictures import record_pictures
from dsl.provenance import environment
from dsl.run_folder import PROFILE, Description, RunFolder, next_folder
from dsl.tracking import trackers

RUNS = Path("runs")


def run(configuration: Configuration, file: Path, out: Path | None, profile: bool = False) -> Path:
    """Train, record and draw; returns the run's folder.

    Args:
        configuration: what to run.
        file: the gin file, which names the run.
        out: the run's folder; the next free one under `runs/` where left out.
        profile: whether to trace a few iterations into its folder `profile`.

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
            traces = owned.path / PROFILE if profile else None
            rollout = driver.train(experiment, tracker.log, _say, traces)
            record_pictures(experiment.scored, rollout, tracker, experiment.film, _say)
        finally:
            tracker.close()
    _say(f"done: {folder}")
    return folder


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

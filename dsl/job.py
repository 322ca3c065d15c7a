"""One run from a configuration to a filled run folder."""

import json
import sys
from pathlib import Path

from tqdm import tqdm

from dsl import driver
from dsl.build import build
from dsl.checkpoint import keeper
from dsl.checkpoint.keeper import Keeper
from dsl.config import Configuration
from dsl.continuation import Finished, finished, mark_finished, require_same, rewind
from dsl.experiment import Experiment
from dsl.pictures import record_pictures
from dsl.provenance import environment
from dsl.room import out_of_memory_in_words, require_room
from dsl.run_folder import EXPERIMENT, PROFILE, Description, RunFolder, next_folder
from dsl.schedule import Schedule
from dsl.signals import Interruption, StopRequestedError
from dsl.tracking import trackers

RUNS = Path("runs")


def run(configuration: Configuration, file: Path, out: Path | None, profile: bool = False) -> Path:
    """Train, record and draw, from the start or from the folder's last checkpoint.

    Args:
        configuration: what to run.
        file: the gin file, which names the run.
        out: the run's folder, gone on with where it holds this run; the next free one under
            `runs/` where left out.
        profile: whether to trace a few iterations into its folder `profile`.

    Returns:
        The run's folder.

    Raises:
        UsageError: the experiment or the folder cannot be used.
        NonFiniteError: training went wrong.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    with Interruption() as interruption:
        experiment = build(configuration)
        require_room(experiment)
        name = _name(file)
        folder = next_folder(RUNS, name) if out is None else out
        with RunFolder.open(folder) as owned:
            description = _description(configuration, name)
            goes_on = require_same(owned.path, description.operative)
            schedule = experiment.schedule(_epoch_length(owned.path))
            if goes_on and _is_over(owned.path, schedule):
                _say(f"finished already: {folder}")
                return folder
            owned.describe(description, goes_on=goes_on)
            _say(f"run folder: {folder}")
            traces = owned.path / PROFILE if profile else None
            try:
                _train(experiment, schedule, owned.path, interruption, traces)
            except StopRequestedError as stop:
                saved = "saved" if stop.saved else "NOT SAVED since the last checkpoint"
                _say(f"interrupted and {saved}; the same command with --out {folder} goes on.")
                raise
    _say(f"done: {folder}")
    return folder


def _train(
    experiment: Experiment,
    schedule: Schedule,
    folder: Path,
    interruption: Interruption,
    profile: Path | None,
) -> None:
    facts = {"iterations_per_epoch": schedule.iterations_per_epoch}
    checkpoints = Keeper(folder, experiment.cadence, facts, _say)
    start = driver.start(experiment, checkpoints)
    if lost := rewind(folder, start.position.epoch):
        _say(f"the record has lost {len(lost)} epochs before, from epoch {lost[0]} on")
    steps = schedule.env_steps(start.position.epoch - 1) if start.position.epoch else 0
    if start.position.iterations:
        _say(f"going on from epoch {start.position.epoch}, {steps:,} environment steps")
    tracker = trackers(folder, schedule.env_steps(schedule.epochs))
    try:
        host = driver.Host(tracker, _say, checkpoints, interruption, profile)
        with out_of_memory_in_words(experiment):
            rollout = driver.train(experiment, schedule, start, host)
        record_pictures(experiment.scored, rollout, tracker, experiment.film, _say)
        mark_finished(folder, Finished(schedule.epochs, schedule.env_steps(schedule.epochs)))
    finally:
        checkpoints.wait()
        tracker.close()


def _epoch_length(folder: Path) -> int | None:
    """Iterations per epoch of the run that goes on, which a new total does not change."""
    facts = keeper.facts(folder)
    return None if facts is None else facts["iterations_per_epoch"]


def _is_over(folder: Path, schedule: Schedule) -> bool:
    end = finished(folder)
    return end is not None and end.epoch >= schedule.epochs


def _name(file: Path) -> str:
    """What the run is called: after its file, or after the run whose `operative.gin` it is."""
    try:
        return str(json.loads((file.parent / EXPERIMENT).read_text())["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return file.stem


def _description(configuration: Configuration, name: str) -> Description:
    return Description(
        experiment=name,
        config=configuration.source_text(),
        operative=configuration.operative_text(),
        macros=configuration.macros(),
        hyperparameters=configuration.hyperparameters(),
        environment=environment(sys.argv),
    )


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)

"""One run from a configuration to a filled run folder."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dsl.checkpoint.manager import CheckpointManager
from dsl.checkpoint.run_checkpoints import read_newest_metadata
from dsl.errors import EXIT_NON_FINITE
from dsl.experiment import Experiment
from dsl.language.configuration import Configuration
from dsl.loop.evaluation import Rollout
from dsl.loop.finite_check import NonFiniteError
from dsl.loop.run_position import RunPosition
from dsl.records.provenance import describe_environment
from dsl.records.restart import move_record_aside
from dsl.records.resume import Finished, finished, mark_finished, require_same, rewind
from dsl.records.run_folder import EXPERIMENT, PROFILE, RunFolder, next_folder
from dsl.tracking import Tracker, trackers
from dsl.training import engine
from dsl.training.build import build
from dsl.training.memory_check import out_of_memory_in_words, require_room
from dsl.training.pictures import record_pictures
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.run_monitor import RunServices
from dsl.training.start import start

RUNS = Path("runs")


def run(
    configuration: Configuration,
    file: Path,
    out: Path | None,
    profile: bool = False,
    restart: bool = False,
) -> Path:
    """Train, record and draw, from the start or from the folder's last checkpoint.

    Args:
        configuration: what to run.
        file: the gin file, which names the run.
        out: the run's folder, gone on with where it holds this run; the next free one under
            `runs/` where left out.
        profile: whether to trace a few iterations into its folder `profile`.
        restart: whether to begin again at the first step; the old record is moved aside.

    Returns:
        The run's folder.

    Raises:
        UsageError: the experiment or the folder cannot be used.
        NonFiniteError: training went wrong.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    with PreemptionHandler() as interruption:
        experiment = build(configuration)
        require_room(experiment)
        folder = next_folder(RUNS, name_of(file)) if out is None else out
        with RunFolder.open(folder) as owned:
            if restart and (aside := move_record_aside(owned.path)):
                say(f"the old record is now in {aside}")
            job = Job(configuration, experiment, file, owned)
            if job.is_over():
                say(f"finished already: {folder}")
                return folder
            say(f"run folder: {folder}")
            try:
                train(job, interruption, owned.path / PROFILE if profile else None)
            except StopRequestedError as stop:
                say(f"{interrupted(stop)}; the same command with --out {folder} goes on.")
                raise
    say(f"done: {folder}")
    return folder


class Job:
    """A run that begins, or goes on, in a folder of this process.

    Args:
        configuration: what to run.
        experiment: built from it.
        file: the gin file, which names the run.
        owned: its folder.

    Raises:
        UsageError: the folder holds another run.
    """

    def __init__(
        self, configuration: Configuration, experiment: Experiment, file: Path, owned: RunFolder
    ):
        self.experiment, self.owned = experiment, owned
        self._description = _description(configuration, name_of(file))
        self._goes_on = require_same(owned.path, self._description["operative"])
        self.schedule = experiment.schedule(_epoch_length(owned.path))

    def is_over(self) -> bool:
        """Whether the run was finished earlier."""
        end = finished(self.owned.path)
        return self._goes_on and end is not None and end.epoch >= self.schedule.epochs

    def describe(self, seeds: Sequence[int] | None = None) -> None:
        """Write down what the run is, and the seeds it is trained together with."""
        together = {} if seeds is None else {"seeds_together": list(seeds)}
        environment = {**self._description["environment"], **together}
        self.owned.describe(
            **{**self._description, "environment": environment}, resumed=self._goes_on
        )

    @cached_property
    def keeper(self) -> CheckpointManager:
        """Of the run's checkpoints."""
        metadata = {"iterations_per_epoch": self.schedule.iterations_per_epoch}
        return CheckpointManager(self.owned.path, self.experiment.cadence, metadata, say)

    def go_back_to(self, position: RunPosition) -> None:
        """Make the record end where the run begins, or goes on.

        Raises:
            UsageError: the record is none.
        """
        if lost := rewind(self.owned.path, position.epoch):
            say(f"the record has lost {len(lost)} epochs before, from epoch {lost[0]} on")
        steps = self.schedule.env_steps(position.epoch - 1) if position.epoch else 0
        if position.iterations:
            say(f"going on from epoch {position.epoch}, {steps:,} environment steps")

    def finish(self, rollout: Rollout, tracker: Tracker) -> None:
        """Draw the last evaluation, and mark the run as finished."""
        record_pictures(self.experiment.scored, rollout, tracker, self.experiment.film, say)
        steps = self.schedule.env_steps(self.schedule.epochs)
        mark_finished(self.owned.path, Finished(self.schedule.epochs, steps))


def train(job: Job, interruption: PreemptionHandler, profile: Path | None = None) -> None:
    """Train a run to its end.

    Raises:
        UsageError: its checkpoints or its record are damaged.
        NonFiniteError: training went wrong.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    begun = start(job.experiment, job.keeper)
    job.go_back_to(begun.position)
    job.describe()  # not before it is known that the run can be continued
    (tracker,) = trackers([job.owned.path], job.schedule.env_steps(job.schedule.epochs))
    try:
        host = RunServices(tracker, say, job.keeper)
        with out_of_memory_in_words(job.experiment):
            rollout = engine.train(job.experiment, job.schedule, begun, host, interruption, profile)
        job.finish(rollout, tracker)
    finally:
        job.keeper.wait_until_written()
        tracker.close()


def training_code(training: Callable[[], object]) -> int:
    """Train, and give the exit code that tells how it ended."""
    try:
        training()
    except NonFiniteError as error:
        print(error, file=sys.stderr)
        return EXIT_NON_FINITE
    except StopRequestedError as stop:
        return stop.code
    return 0


def name_of(file: Path) -> str:
    """What the run is called: after its file, or after the run whose `operative.gin` it is."""
    try:
        return str(json.loads((file.parent / EXPERIMENT).read_text())["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return file.stem


def interrupted(stop: StopRequestedError) -> str:
    """What a signal has done, in words."""
    return f"interrupted and {'saved' if stop.saved else 'NOT SAVED since the last checkpoint'}"


def say(line: str) -> None:
    """Tell the user, without harm to a progress bar."""
    tqdm.write(line, file=sys.stderr)


def _epoch_length(folder: Path) -> int | None:
    """Iterations per epoch of the run that goes on, which a new total does not change."""
    metadata = read_newest_metadata(folder)
    return None if metadata is None else metadata["iterations_per_epoch"]


def _description(configuration: Configuration, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "config": configuration.source_text(),
        "operative": configuration.operative_text(),
        "macros": configuration.macros(),
        "hyperparameters": configuration.hyperparameters(),
        "environment": describe_environment(sys.argv),
    }

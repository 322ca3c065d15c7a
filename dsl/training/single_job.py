"""One run from a configuration to a filled run folder."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsl.errors import EXIT_NON_FINITE
from dsl.experiment import Experiment
from dsl.language.configuration import Configuration
from dsl.loop.finite_check import NonFiniteError
from dsl.records.console_output import write_line
from dsl.records.description import describe_file, name_of
from dsl.records.restart import move_record_aside
from dsl.records.run_folder import PROFILE, RunFolder, next_folder
from dsl.tracking import start_trackers
from dsl.training import engine
from dsl.training.build import build
from dsl.training.memory_check import explain_out_of_memory, require_memory
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.run_job import RunJob
from dsl.training.starting_point import init_or_resume

RUNS = Path("runs")


def run(
    configuration: Configuration,
    file: Path,
    out: Path | None,
    profile: bool = False,
    restart: bool = False,
    accept_changes: bool = False,
    force: bool = False,
) -> Path:
    """Train, record and draw, from the start or from the folder's last checkpoint.

    Args:
        configuration: what to run.
        file: the gin file, which names the run.
        out: the run's folder; a run in it is resumed if it is the same. By default the next free
            folder under `runs/`.
        profile: whether to trace a few iterations into its folder `profile`.
        restart: whether to begin again at the first step; the old record is moved aside.
        accept_changes: whether to resume under own words that have changed; recorded in the folder.
        force: skip the check that the run fits into memory.

    Returns:
        The run's folder.

    Raises:
        UsageError: the experiment or the folder cannot be used.
        NonFiniteError: training gave numbers that are not finite.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    with PreemptionHandler() as preemption:
        experiment = build(configuration)
        require_memory(experiment, force=force)
        path = next_folder(RUNS, name_of(file)) if out is None else out
        description = describe_file(configuration, file)
        try:
            return run_in_folder(
                experiment,
                description,
                path,
                preemption,
                profile=profile,
                restart=restart,
                accept_changes=accept_changes,
            )
        except NonFiniteError:
            write_line(f"the same command with --out {path} --find-nan names the operation.")
            raise


def run_in_folder(
    experiment: Experiment,
    description: Mapping[str, Any],
    path: Path,
    preemption: PreemptionHandler | None = None,
    *,
    profile: bool = False,
    restart: bool = False,
    accept_changes: bool = False,
) -> Path:
    """Run an experiment in a folder, from the start or from its last checkpoint.

    Args:
        experiment: what to run.
        description: arguments of `RunFolder.describe`.
        path: of the folder, which is returned.
        preemption: watches for signals; without it none are handled.
        profile: as in `run`.
        restart: as in `run`.
        accept_changes: as in `run`.
    """
    with RunFolder.open(path) as folder:
        if restart and (aside := move_record_aside(folder.path)):
            write_line(f"the old record is now in {aside}")
        job = RunJob(experiment, description, folder, accept_changes=accept_changes)
        if job.is_finished():
            for line in (f"finished already: {path}", *job.finished_notices()):
                write_line(line)
            return path
        write_line(f"run folder: {path}")
        try:
            train(job, preemption, folder.path / PROFILE if profile else None)
        except StopRequestedError as stop:
            write_line(f"{describe_stop(stop)}; the same command with --out {path} resumes.")
            raise
    write_line(f"done: {path}")
    return path


def train(job: RunJob, preemption: PreemptionHandler | None, profile: Path | None = None) -> None:
    """Train a run to its end.

    Raises:
        UsageError: its checkpoints or its record are damaged.
        NonFiniteError: training gave numbers that are not finite.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    state, position = init_or_resume(job.experiment, job.checkpoints)
    job.start_at(position)
    job.write_description()  # not before it is known that the run can be resumed
    total = job.schedule.env_steps(job.schedule.epochs)
    (job.tracker,) = start_trackers(job.experiment.trackers, [job.folder.path], total)
    try:
        with explain_out_of_memory(job.experiment):
            rollout = engine.train_run(job, state, preemption, profile)
        job.finish(rollout)
    finally:
        job.checkpoints.wait_until_written()
        job.tracker.close()


def training_code(training: Callable[[], object]) -> int:
    """Train, and return the exit code that tells how it ended."""
    try:
        training()
    except NonFiniteError as error:
        print(error, file=sys.stderr)
        return EXIT_NON_FINITE
    except StopRequestedError as stop:
        return stop.code
    return 0


def describe_stop(stop: StopRequestedError) -> str:
    """Say what a signal has done, as part of a message."""
    return f"interrupted and {'saved' if stop.saved else 'NOT SAVED since the last checkpoint'}"

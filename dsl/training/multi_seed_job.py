"""Several seeds of one experiment, each in a run folder of its own, in one compiled program."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from dsl.errors import UsageError
from dsl.language.configuration import Configuration
from dsl.loop.evaluation import Rollout
from dsl.loop.finite_check import NonFiniteError
from dsl.records.run_folder import RunFolder
from dsl.sweep.grid import without_seed
from dsl.tracking import trackers
from dsl.training import engine
from dsl.training.build import build
from dsl.training.memory_check import out_of_memory_in_words, require_room
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.run_job import Job, interrupted, say, train
from dsl.training.run_monitor import RunServices
from dsl.training.start import start_together


def run(wanted: Sequence[tuple[Configuration, Path]], file: Path) -> None:
    """Train, record and draw every seed, from the start or from their last checkpoints.

    Those that stand at the same iteration train together, also where some have written one
    checkpoint more than others, which is made again. Those that stand elsewhere follow by
    themselves.

    Args:
        wanted: what to run, different in the seed alone, and the runs' folders.
        file: the gin file, which names the runs.

    Raises:
        UsageError: the experiment or a folder cannot be used.
        NonFiniteError: training went wrong with some; names them all. The others are finished.
        StopRequestedError: a signal has come; the states are saved if the disk took them.
    """
    with PreemptionHandler() as interruption, ExitStack() as folders:
        jobs = _jobs(wanted, file, folders)
        left = [job for job in jobs if not job.is_over()]
        for job in jobs:
            if job not in left:
                say(f"finished already: {job.owned.path}")
        try:
            lost = _train_all(left, interruption)
        except StopRequestedError as stop:
            say(f"{interrupted(stop)}; the same command goes on.")
            raise
    if lost:
        raise NonFiniteError("\n".join(map(str, lost)))


def _train_all(left: Sequence[Job], interruption: PreemptionHandler) -> list[NonFiniteError]:
    """Train runs to their end, one group after the other; gives what went wrong."""
    lost = []
    if left:
        require_room(left[0].experiment, len(left))
    while left:
        group, iterations = furthest_behind(left)
        errors = _train(group, iterations, interruption)
        if errors is not None:  # no checkpoint was damaged
            left = [job for job in left if job not in group]
            lost += errors
    return lost


def furthest_behind(jobs: Sequence[Job]) -> tuple[list[Job], int]:
    """The run with the fewest iterations, the runs that can go on beside it, and from where.

    A run goes back by one checkpoint at most: a process that was killed while it saved leaves some
    that others do not have.
    """
    stands = [job.keeper.saved_iterations()[-2:] or [0] for job in jobs]
    behind = min(range(len(jobs)), key=lambda i: stands[i][-1])
    iterations, schedule = stands[behind][-1], jobs[behind].schedule
    group = [
        job
        for job, stand in zip(jobs, stands, strict=True)
        if iterations in stand and job.schedule == schedule
    ]
    return group, iterations


def _jobs(
    wanted: Sequence[tuple[Configuration, Path]], file: Path, folders: ExitStack
) -> list[Job]:
    """The runs, in folders of this process."""
    if len({without_seed(configuration.operative_text()) for configuration, _ in wanted}) > 1:
        raise UsageError(f"{file}: the runs differ in more than their seeds; run them one by one.")
    built = build(wanted[0][0])
    jobs = []
    for configuration, folder in wanted:
        owned = folders.enter_context(RunFolder.open(folder))
        experiment = replace(built, seed=configuration.build().seed)
        jobs.append(Job(configuration, experiment, file, owned))
    return jobs


def _train(
    jobs: Sequence[Job], iterations: int, interruption: PreemptionHandler
) -> list[NonFiniteError] | None:
    """Train runs to their end; gives what went wrong, or None where a checkpoint was damaged."""
    if len(jobs) == 1:
        return _train_alone(jobs[0], interruption)
    keepers = [job.keeper for job in jobs]
    starts = start_together([job.experiment for job in jobs], keepers, iterations)
    if starts is None:
        return None
    for job, position in zip(jobs, starts.positions, strict=True):
        say(f"run folder: {job.owned.path}")
        job.go_back_to(position)
        job.describe([each.experiment.seed for each in jobs])
    with _hosts(jobs) as hosts, out_of_memory_in_words(jobs[0].experiment, len(jobs)):
        first = jobs[0]
        outcomes = engine.train_together(
            first.experiment, first.schedule, starts, hosts, interruption
        )
        return _finish(jobs, outcomes, hosts)


def _train_alone(job: Job, interruption: PreemptionHandler) -> list[NonFiniteError]:
    say(f"run folder: {job.owned.path}")
    try:
        train(job, interruption)
    except NonFiniteError as error:
        return [error]
    say(f"done: {job.owned.path}")
    return []


@contextmanager
def _hosts(jobs: Sequence[Job]) -> Iterator[list[RunServices]]:
    """What surrounds each of the runs; at the end all of it is on the disk."""
    total = jobs[0].schedule.env_steps(jobs[0].schedule.epochs)
    with ExitStack() as ending:  # the first tracker is closed last
        hosts, made = [], trackers([job.owned.path for job in jobs], total)
        for job, tracker in zip(jobs, made, strict=True):
            ending.callback(tracker.close)
            ending.callback(job.keeper.wait_until_written)
            hosts.append(RunServices(tracker, say, job.keeper))
        yield hosts


def _finish(
    jobs: Sequence[Job], outcomes: Sequence[Rollout | NonFiniteError], hosts: Sequence[RunServices]
) -> list[NonFiniteError]:
    lost = []
    for job, outcome, host in zip(jobs, outcomes, hosts, strict=True):
        if isinstance(outcome, NonFiniteError):
            lost.append(outcome)
        else:
            job.finish(outcome, host.tracker)
            say(f"done: {job.owned.path}")
    return lost

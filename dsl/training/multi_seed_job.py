"""Several seeds of one experiment, each in a run folder of its own, in one compiled program."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from dsl.errors import UsageError
from dsl.language.configuration import Configuration
from dsl.loop.evaluation_rollout import Rollout
from dsl.loop.finite_check import NonFiniteError
from dsl.records.console_output import write_line
from dsl.records.description import describe_file
from dsl.records.run_folder import RunFolder
from dsl.records.same_run import identity_without_seed
from dsl.tracking import start_trackers
from dsl.training import engine
from dsl.training.build import build
from dsl.training.memory_check import explain_out_of_memory, require_memory
from dsl.training.physics_of_run import engine_name
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.run_job import RunJob
from dsl.training.single_job import describe_stop, train
from dsl.training.starting_point import init_or_resume_seeds


def run(
    wanted: Sequence[tuple[Configuration, Path, Path]],
    *,
    accept_changes: bool = False,
    force: bool = False,
) -> None:
    """Train, record and draw every seed, from the start or from their last checkpoints.

    Seeds that stand at the same iteration train together, even if some have written one checkpoint
    more than others, which is then made again. Seeds that stand elsewhere are trained afterwards.

    Args:
        wanted: what to run, different in the seed alone, the files it was read from, and the runs'
            folders.
        accept_changes: whether to resume under own words that have changed; the folders record it.
        force: skip the check that the seeds fit into memory.

    Raises:
        UsageError: the experiment or a folder cannot be used.
        NonFiniteError: some seeds gave numbers that are not finite; names them all. The others are
            finished.
        StopRequestedError: a signal has come; the states are saved if the disk took them.
    """
    with PreemptionHandler() as preemption, ExitStack() as folders:
        jobs = _open_jobs(wanted, folders, accept_changes)
        unfinished = [job for job in jobs if not job.is_finished()]
        for job in jobs:
            if job not in unfinished:
                for line in (f"finished already: {job.folder.path}", *job.finished_notices()):
                    write_line(line)
        try:
            if unfinished:
                require_memory(unfinished[0].experiment, len(unfinished), force=force)
            failures = _train_in_groups(unfinished, preemption)
        except StopRequestedError as stop:
            write_line(f"{describe_stop(stop)}; the same command resumes.")
            raise
    if failures:
        raise NonFiniteError("\n".join(map(str, failures)))


def _train_in_groups(left: Sequence[RunJob], preemption: PreemptionHandler) -> list[NonFiniteError]:
    """Train runs to their end, one group after the other; return what went wrong."""
    failures = []
    while left:
        group, iterations = select_furthest_behind(left)
        group_failures = _train_group(group, iterations, preemption)
        if group_failures is not None:  # no checkpoint was damaged
            left = [job for job in left if job not in group]
            failures += group_failures
    return failures


def select_furthest_behind(jobs: Sequence[RunJob]) -> tuple[list[RunJob], int]:
    """Return the run with the fewest iterations, the runs that can join it, and from which one.

    A run goes back by one checkpoint at most: a process that was killed while it saved leaves some
    that others do not have.
    """
    last_two = [job.checkpoints.saved_iterations()[-2:] or [0] for job in jobs]
    behind = min(range(len(jobs)), key=lambda i: last_two[i][-1])
    iterations, schedule = last_two[behind][-1], jobs[behind].schedule
    engine = engine_name(jobs[behind].experiment)
    group = [
        job
        for job, available in zip(jobs, last_two, strict=True)
        if iterations in available
        and job.schedule == schedule
        and engine_name(job.experiment) == engine
    ]
    return group, iterations


def _open_jobs(
    wanted: Sequence[tuple[Configuration, Path, Path]],
    folders: ExitStack,
    accept_changes: bool,
) -> list[RunJob]:
    """Open the runs' folders, which stay open until `folders` is closed."""
    if len({identity_without_seed(c.operative_text()) for c, _, _ in wanted}) > 1:
        first = wanted[0][1]
        raise UsageError(f"{first}: the runs differ in more than their seeds; run them one by one.")
    built = build(wanted[0][0])
    jobs = []
    for configuration, file, path in wanted:
        folder = folders.enter_context(RunFolder.open(path))
        experiment = replace(built, seed=configuration.build().seed)
        description = describe_file(configuration, file)
        jobs.append(RunJob(experiment, description, folder, accept_changes=accept_changes))
    return jobs


def _train_group(
    jobs: Sequence[RunJob], iterations: int, preemption: PreemptionHandler
) -> list[NonFiniteError] | None:
    """Train runs to their end; return what went wrong, or None if a checkpoint was damaged."""
    if len(jobs) == 1:
        return _train_alone(jobs[0], preemption)
    checkpoints = [job.checkpoints for job in jobs]
    started = init_or_resume_seeds([job.experiment for job in jobs], checkpoints, iterations)
    if started is None:
        return None
    states, positions = started
    for job, position in zip(jobs, positions, strict=True):
        write_line(f"run folder: {job.folder.path}")
        job.start_at(position)
        job.write_description([each.experiment.seed for each in jobs])
    with _open_trackers(jobs), explain_out_of_memory(jobs[0].experiment, len(jobs)):
        return _finish_all(jobs, engine.train_seeds(jobs, states, preemption))


def _train_alone(job: RunJob, preemption: PreemptionHandler) -> list[NonFiniteError]:
    write_line(f"run folder: {job.folder.path}")
    try:
        train(job, preemption)
    except NonFiniteError as error:
        return [error]
    write_line(f"done: {job.folder.path}")
    return []


@contextmanager
def _open_trackers(jobs: Sequence[RunJob]) -> Iterator[None]:
    """Give each run a tracker; at the end, all of its record is on the disk."""
    total = jobs[0].schedule.env_steps(jobs[0].schedule.epochs)
    with ExitStack() as stack:  # closes in reverse order: the first tracker last
        factories, folders = jobs[0].experiment.trackers, [job.folder.path for job in jobs]
        opened = start_trackers(factories, folders, total)
        for job, tracker in zip(jobs, opened, strict=True):
            job.tracker = tracker
            stack.callback(tracker.close)
            stack.callback(job.checkpoints.wait_until_written)
        yield


def _finish_all(
    jobs: Sequence[RunJob], outcomes: Sequence[Rollout | NonFiniteError]
) -> list[NonFiniteError]:
    """Finish the runs that have reached their end; return what went wrong with the others."""
    failures = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, NonFiniteError):
            failures.append(outcome)
        else:
            job.finish(outcome)
            write_line(f"done: {job.folder.path}")
    return failures

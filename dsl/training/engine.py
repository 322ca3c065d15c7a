"""Trains on the host's side: compile, count epochs, record metrics, checkpoint, handle signals."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from dsl.loop import execution, multi_seed
from dsl.loop.compiling import Observer
from dsl.loop.evaluation_rollout import Rollout
from dsl.loop.execution import Execution, FusedExecution
from dsl.loop.finite_check import NonFiniteError
from dsl.loop.program import TrainState
from dsl.loop.run_position import RunPosition
from dsl.records.console_output import write_line
from dsl.training.chunk_sizer import ChunkSizer
from dsl.training.compilation_cache import describe_cache
from dsl.training.compile_progress import CompileProgress
from dsl.training.physics_space import require_space
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.profiling import write_trace
from dsl.training.quiet_compiler import without_alarms
from dsl.training.run_job import RunJob

_TRACED_ITERATIONS, _TRACED_UPDATES = 2, 20


def train_run(
    job: RunJob,
    state: TrainState,
    preemption: PreemptionHandler | None = None,
    profile: Path | None = None,
) -> Rollout:
    """Train a run to its end.

    Args:
        job: the run, which stands at `state`.
        state: from `init_or_resume`; its memory is reused.
        preemption: watches for signals; without it none are handled.
        profile: folder for a trace of a few iterations, if one is wanted.

    Returns:
        The recorded episodes of the last evaluation.

    Raises:
        NonFiniteError: a number of training is NaN or infinite; names it and the epoch.
        UsageError: the physics had too little space.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    program = execution.assign_devices(job.experiment.program(job.schedule))
    engine = TrainingEngine([job], state, lambda tree, _: tree, preemption)
    engine.compile(
        lambda observe: execution.compile_loop(program, state, observe),
        execution.describe_devices(program),
    )
    if profile is not None:
        engine.trace(profile)
    (rollout,) = engine.train()
    assert isinstance(rollout, Rollout)  # what goes wrong with the only run is raised
    return rollout


def train_seeds(
    jobs: Sequence[RunJob], states: TrainState, preemption: PreemptionHandler | None = None
) -> list[Rollout | NonFiniteError]:
    """Train several seeds of one experiment to their end in one compiled program.

    A seed whose numbers stop being finite is dropped, and the others continue.

    Args:
        jobs: the runs, which stand at `states`.
        states: from `init_or_resume_seeds`; their memory is reused.
        preemption: watches for signals; without it none are handled.

    Returns:
        For each run, the recorded episodes of its last evaluation, or what went wrong with it.

    Raises:
        NonFiniteError: something went wrong with each of them.
        StopRequestedError: a signal has come; the states are saved if the disk took them.
    """
    program = jobs[0].experiment.program(jobs[0].schedule)
    engine = TrainingEngine(jobs, states, multi_seed.select_seed, preemption)
    engine.compile(
        lambda observe: FusedExecution(program, states, multi_seed.vmap_over_seeds, observe),
        multi_seed.describe_devices(len(jobs)),
    )
    return engine.train()


class TrainingEngine:
    """Drives the runs of one compiled program, most often a single one, through their epochs.

    Each step is taken by all runs at once and then handled run by run (`_for_each_job`): the
    compiled program returns metrics, flags and states of all of them in one tree, and `select`
    takes out what belongs to one. A run that is dropped keeps its place in that tree, so the
    indices of the others do not change; its numbers are computed on and ignored.
    """

    _execution: Execution
    _rollouts: Any = None

    def __init__(
        self,
        jobs: Sequence[RunJob],
        state: TrainState,
        select: Callable[[Any, int], Any],
        preemption: PreemptionHandler | None,
    ):
        """Args:
        jobs: the runs, all of one schedule and after the same iteration.
        state: of one run, or of several.
        select: returns the part of a tree that belongs to the run with this index.
        preemption: watches for signals.
        """
        self._jobs, self._failures = dict(enumerate(jobs)), dict[int, NonFiniteError]()
        self._number_of_jobs, self._schedule = len(jobs), jobs[0].schedule
        self._state, self._select, self._preemption = state, select, preemption
        self._chunks, self._clock = ChunkSizer(), time.perf_counter()

    def compile(self, compile_loop: Callable[[Observer], Execution], where: str) -> None:
        """Compile the loop.

        Args:
            compile_loop: compiles it, and tells an observer what is under way.
            where: says what it runs on, as part of a message.
        """
        write_line(f"compiling the training loop{where}")
        with CompileProgress() as progress, without_alarms():
            self._execution = compile_loop(progress.observe)
        seconds = self._add_elapsed_seconds(in_epoch=False)
        write_line(f"compiled in {seconds:.0f} s{describe_cache()}")
        if self._preemption is not None:
            self._preemption.begin_saving()

    @property
    def position(self) -> RunPosition:
        """Return where the runs stand; their times may differ."""
        return next(iter(self._jobs.values())).position

    def trace(self, folder: Path) -> None:
        """Trace a few iterations from a copy of the state."""

        def run_a_few() -> None:
            updates = min(self._schedule.updates_per_iteration, _TRACED_UPDATES)
            state = jax.tree.map(jnp.copy, self._state)
            state = self._execution.run_iterations(state, _TRACED_ITERATIONS, updates)
            jax.block_until_ready(self._execution.end_epoch(state, 1))

        write_trace(run_a_few, folder, write_line)

    def train(self) -> list[Rollout | NonFiniteError]:
        """Run all epochs, write the last checkpoints, and return each run's recorded episodes."""
        while self.position.epoch <= self._schedule.epochs:
            self.run_epoch()
        if self._rollouts is None:  # stopped after the last epoch and before the end
            self._end_epoch_on_devices(0)
        else:
            self._save()
            self._wait_until_saved()
        return [
            self._select(self._rollouts, index) if index in self._jobs else self._failures[index]
            for index in range(self._number_of_jobs)
        ]

    def run_epoch(self) -> None:
        """Run the rest of the epoch under way, and evaluate."""
        iterations, updates = self._schedule.epoch_counts(self.position.epoch)
        while self.position.iteration < iterations:
            self._run_chunk(self._chunks.next_size(iterations - self.position.iteration), updates)
            if self.position.iteration < iterations:
                self._for_each_job(lambda job, _: job.show_progress())
                self._save_or_stop()
        metrics, flags = self._end_epoch_on_devices(iterations * updates)
        self._for_each_job(
            lambda job, of: job.end_epoch(of(metrics), of(flags), lambda: of(self._state))
        )
        self._for_each_job(lambda job, of: job.save_if_best(of(self._state.learners)))
        self._save_or_stop()

    def _run_chunk(self, iterations: int, updates: int) -> None:
        begun = time.perf_counter()
        self._state = self._execution.run_iterations(self._state, iterations, updates)
        jax.block_until_ready(self._state)
        require_space()
        self._chunks.record(iterations, time.perf_counter() - begun)
        self._add_elapsed_seconds()
        self._for_each_job(lambda job, _: job.add_iterations(iterations))

    def _end_epoch_on_devices(self, updates: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Evaluate, reset the sums, and return metrics and finite flags on the host."""
        ended = self._execution.end_epoch(self._state, updates)
        self._state, metrics, flags, self._rollouts = ended
        metrics, flags = jax.device_get((metrics, flags))
        require_space()
        self._add_elapsed_seconds()
        return metrics, flags

    def _save_or_stop(self) -> None:
        """Save when it is time, or when a signal has come; then stop."""
        code = None if self._preemption is None else self._preemption.code
        # All at once, so that they can resume together.
        if code is not None or all(job.checkpoint_is_due() for job in self._jobs.values()):
            self._save()
        if code is not None:
            raise StopRequestedError(code, saved=self._wait_until_saved())

    def _save(self) -> None:
        self._for_each_job(lambda job, of: job.save(of(self._state)))

    def _wait_until_saved(self) -> bool:
        """Wait for all checkpoints, and return whether the disk took them."""
        saved = [job.wait_until_saved() for job in self._jobs.values()]
        return all(saved)

    def _for_each_job(self, action: Callable[[RunJob, Callable[[Any], Any]], None]) -> None:
        """Do something with every run, and drop those that have non-finite numbers.

        Args:
            action: receives a run, and a function that selects its part of a tree.
        """
        for index, job in tuple(self._jobs.items()):
            try:
                action(job, lambda tree, index=index: self._select(tree, index))
            except NonFiniteError as error:
                if len(self._jobs) == 1:
                    raise
                self._failures[index] = error
                del self._jobs[index]
                write_line(f"{error} The other seeds continue.")

    def _add_elapsed_seconds(self, *, in_epoch: bool = True) -> float:
        """Add the time since the last call to all runs, and return it."""
        now = time.perf_counter()
        seconds, self._clock = now - self._clock, now
        for job in self._jobs.values():
            job.add_seconds(seconds, in_epoch=in_epoch)
        return seconds

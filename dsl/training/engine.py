"""The host's side of training: compile, count epochs, hand metrics on, checkpoint, heed signals."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsl.experiment import Experiment
from dsl.loop import multi_seed
from dsl.loop.evaluation import Rollout
from dsl.loop.execution import Execution, FusedExecution, execution, on_devices, shared
from dsl.loop.finite_check import NonFiniteError
from dsl.loop.program import EpochState
from dsl.loop.run_position import RunPosition
from dsl.loop.schedule import Schedule
from dsl.training.chunk_sizer import ChunkSizer
from dsl.training.compilation_cache import kept_in
from dsl.training.preemption import PreemptionHandler, StopRequestedError
from dsl.training.profiling import trace
from dsl.training.run_monitor import RunMonitor, RunServices
from dsl.training.start import Start, Starts

_TRACED_ITERATIONS, _TRACED_UPDATES = 2, 20


def train(
    experiment: Experiment,
    schedule: Schedule,
    start: Start,
    host: RunServices,
    interruption: PreemptionHandler | None = None,
    profile: Path | None = None,
) -> Rollout:
    """Run an experiment to its end.

    Args:
        experiment: what to run.
        schedule: its epochs.
        start: from `start`; its arrays are used up.
        host: who is told, and what it is kept in.
        interruption: of signals; none are heeded where left out.
        profile: folder of a trace of a few iterations, where one is wanted.

    Returns:
        The last evaluation's first episodes, to be drawn.

    Raises:
        NonFiniteError: a number of training is NaN or infinite; names it and the epoch.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    program = on_devices(experiment.program())
    members = [RunMonitor(program, schedule, start.position, host)]
    work = _EngineSpec(
        start.progress,
        compiled=lambda: execution(program, start.progress),
        of=lambda tree, number: tree,  # noqa: ARG005 - there is one
        where=shared(program),
    )
    run = TrainingEngine(schedule, members, work, interruption)
    if profile is not None:
        run.trace(profile)
    (rollout,) = run.to_the_end()
    assert isinstance(rollout, Rollout)  # what goes wrong with the only run is raised
    return rollout


def train_together(
    experiment: Experiment,
    schedule: Schedule,
    starts: Starts,
    hosts: Sequence[RunServices],
    interruption: PreemptionHandler | None = None,
) -> list[Rollout | NonFiniteError]:
    """Run several seeds of an experiment to their end in one compiled program.

    One whose numbers stop being finite is set aside, and the others go on.

    Args:
        experiment: what to run, with any seed.
        schedule: its epochs.
        starts: from `start_together`; their arrays are used up.
        hosts: of each run.
        interruption: of signals; none are heeded where left out.

    Returns:
        Of each run, its last evaluation's first episodes, or what went wrong with it.

    Raises:
        NonFiniteError: something went wrong with each of them.
        StopRequestedError: a signal has come; the states are saved if the disk took them.
    """
    program = experiment.program()
    members = [
        RunMonitor(program, schedule, position, host)
        for position, host in zip(starts.positions, hosts, strict=True)
    ]
    work = _EngineSpec(
        starts.progress,
        compiled=lambda: FusedExecution(program, starts.progress, multi_seed.over_seeds),
        of=multi_seed.of_seed,
        where=multi_seed.shared(len(hosts)),
    )
    return TrainingEngine(schedule, members, work, interruption).to_the_end()


class _EngineSpec(NamedTuple):
    """What the devices hold and do.

    Attributes:
        progress: of one run, or of several.
        compiled: compiles the loop.
        of: gives what belongs to the run of this number, of their progress or anything else.
        where: on what it runs, in words.
    """

    progress: EpochState
    compiled: Callable[[], Execution]
    of: Callable[[Any, int], Any]
    where: str


class TrainingEngine:
    """Runs under way in one compiled program, most often a single one."""

    _rollouts: Any = None

    def __init__(
        self,
        schedule: Schedule,
        members: Sequence[RunMonitor],
        work: _EngineSpec,
        interruption: PreemptionHandler | None,
    ):
        """Args:
        schedule: of each run.
        members: the runs, all after the same iteration.
        work: what they are computed with.
        interruption: of signals.
        """
        self.members = dict(enumerate(members))
        self._lost: dict[int, NonFiniteError] = {}
        self._schedule, self._interruption = schedule, interruption
        self.progress, self._of = work.progress, work.of
        self._pace, self._clock = ChunkSizer(), time.perf_counter()
        self._say = members[0].host.say
        self._say(f"compiling the training loop{work.where}")
        self._execution = work.compiled()
        seconds = self._tick(in_epoch=False)
        self._say(f"compiled in {seconds:.0f} s{kept_in()}")
        if interruption is not None:
            interruption.begin_saving()

    @property
    def position(self) -> RunPosition:
        """Where the runs stand; their times may differ."""
        return next(iter(self.members.values())).position

    def trace(self, folder: Path) -> None:
        """Trace a few iterations from a copy of the state."""

        def some() -> None:
            updates = min(self._schedule.updates_per_iteration, _TRACED_UPDATES)
            copy = jax.tree.map(jnp.copy, self.progress)
            copy = self._execution.advance(copy, _TRACED_ITERATIONS, updates)
            jax.block_until_ready(self._execution.finish(copy, 1))

        trace(some, folder, self._say)

    def to_the_end(self) -> list[Rollout | NonFiniteError]:
        """All epochs and the last checkpoint; gives the episodes to be drawn."""
        while self.position.epoch <= self._schedule.epochs:
            self.epoch()
        if self._rollouts is None:  # stopped after the last epoch and before the end
            self._evaluate(0)
        else:
            self._save()
            self._are_saved()
        return [
            self._of(self._rollouts, number) if number in self.members else self._lost[number]
            for number in range(len(self.members) + len(self._lost))
        ]

    def epoch(self) -> None:
        """The rest of the epoch under way, and its evaluation."""
        iterations, updates = _counts(self._schedule, self.position.epoch)
        while self.position.iteration < iterations:
            self._advance_by(self._pace.next(iterations - self.position.iteration), updates)
            if self.position.iteration < iterations:
                self._each(lambda member, _: member.show())
                self._look_around()
        metrics, finite = self._evaluate(iterations * updates)
        self._each(
            lambda member, of: member.end_epoch(of(metrics), of(finite), lambda: of(self.progress))
        )
        self._each(lambda member, of: member.keep_best(of(self.progress.state.learners)))
        self._look_around()

    def _advance_by(self, iterations: int, updates: int) -> None:
        begun = time.perf_counter()
        self.progress = self._execution.advance(self.progress, iterations, updates)
        jax.block_until_ready(self.progress)
        self._pace.took(iterations, time.perf_counter() - begun)
        self._tick()
        self._each(lambda member, _: member.advanced(iterations))

    def _evaluate(self, updates: int) -> tuple[dict[str, Any], dict[str, Any]]:
        finished = self._execution.finish(self.progress, updates)
        self.progress, metrics, finite, self._rollouts = finished
        metrics, finite = jax.device_get((metrics, finite))
        self._tick()
        return metrics, finite

    def _look_around(self) -> None:
        """Save when it is time, or when a signal has come; then leave."""
        code = None if self._interruption is None else self._interruption.code
        # All at once, so that they can go on together.
        if code is not None or all(member.is_due() for member in self.members.values()):
            self._save()
        if code is not None:
            raise StopRequestedError(code, saved=self._are_saved())

    def _save(self) -> None:
        self._each(lambda member, of: member.save(of(self.progress)))

    def _are_saved(self) -> bool:
        """Wait for what is being written, and say whether the disk took it."""
        saved = [member.is_saved() for member in self.members.values()]
        return all(saved)

    def _each(self, action: Callable[[RunMonitor, Callable[[Any], Any]], None]) -> None:
        """Do something with every run; those whose numbers have gone wrong are set aside."""
        for number, member in tuple(self.members.items()):
            try:
                action(member, lambda tree, number=number: self._of(tree, number))
            except NonFiniteError as error:
                if len(self.members) == 1:
                    raise
                self._lost[number] = error
                del self.members[number]
                self._say(f"{error} The other seeds go on.")

    def _tick(self, *, in_epoch: bool = True) -> float:
        """Add the time since the last tick to the runs', and give it."""
        now = time.perf_counter()
        seconds, self._clock = now - self._clock, now
        for member in self.members.values():
            member.tick(seconds, in_epoch=in_epoch)
        return seconds


def _counts(schedule: Schedule, epoch: int) -> tuple[int, int]:
    """Iterations and updates of an epoch; epoch 0 fills the buffer with the untrained policy."""
    if epoch == 0:
        return schedule.fill_iterations, 0
    return schedule.iterations_per_epoch, schedule.updates_per_iteration

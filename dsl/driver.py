"""The host's side of a run: compile, count epochs, hand metrics on, checkpoint, heed signals."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from dsl import loop
from dsl.checkpoint.keeper import Keeper, Position
from dsl.compilation_cache import kept_in
from dsl.evaluation import Rollout
from dsl.execution import begin, execution, on_devices, placed, shared
from dsl.experiment import Experiment
from dsl.finite import NonFiniteError, require_finite
from dsl.pace import Pace
from dsl.profile import trace
from dsl.program import Progress
from dsl.schedule import Schedule
from dsl.signals import Interruption, StopRequestedError
from dsl.tracking import Tracker

_SCORE = "time_at_goal"
_TRACED_ITERATIONS, _TRACED_UPDATES = 2, 20


class Host(NamedTuple):
    """What a run is surrounded by.

    Attributes:
        tracker: receives the metrics of every epoch; epoch 0 scores the untrained policy.
        say: receives lines on what is happening.
        keeper: of checkpoints; none are written where left out.
        interruption: of signals; none are heeded where left out.
        profile: folder of a trace of a few iterations, where one is wanted.
    """

    tracker: Tracker
    say: Callable[[str], None]
    keeper: Keeper | None = None
    interruption: Interruption | None = None
    profile: Path | None = None


class Start(NamedTuple):
    """Where training begins: at the first step, or at a checkpoint."""

    progress: Progress
    position: Position


def start(experiment: Experiment, keeper: Keeper | None = None) -> Start:
    """The run as its last good checkpoint left it, or before its first step.

    Args:
        experiment: what to run.
        keeper: of the run's checkpoints, if any.

    Raises:
        UsageError: there are checkpoints and all of them are damaged.
    """
    program = on_devices(experiment.program())
    if keeper is not None and keeper.has_any():
        seed = jax.ShapeDtypeStruct((), jnp.uint32)
        template = eqx.filter_eval_shape(loop.begin, replace(program, devices=1), seed)
        if (resumed := keeper.resume(template)) is not None:
            progress, position = resumed
            return Start(placed(program, progress), position)
    return Start(begin(program, experiment.seed), Position())


def train(experiment: Experiment, schedule: Schedule, start: Start, host: Host) -> Rollout:
    """Run an experiment to its end.

    Args:
        experiment: what to run.
        schedule: its epochs.
        start: from `start`; its arrays are used up.
        host: who is told, and what it is kept in.

    Returns:
        The last evaluation's first episodes, to be drawn.

    Raises:
        NonFiniteError: a number of training is NaN or infinite; names it and the epoch.
        StopRequestedError: a signal has come; the state is saved if the disk took it.
    """
    run = _Run(experiment, schedule, start, host)
    while run.position.epoch <= schedule.epochs:
        run.epoch()
    return run.close()


class _Run:
    """A run under way: its state and where it stands."""

    _rollout: Rollout | None = None

    def __init__(self, experiment: Experiment, schedule: Schedule, start: Start, host: Host):
        self.program = on_devices(experiment.program())
        self.schedule, self.host = schedule, host
        self.progress, self.position = start
        self._pace = Pace()
        self._clock = time.perf_counter()
        host.say(f"compiling the training loop{shared(self.program)}")
        self._execution = execution(self.program, self.progress)
        self._tick(in_epoch=False)
        seconds = self.position.wall_seconds - start.position.wall_seconds
        host.say(f"compiled in {seconds:.0f} s{kept_in()}")
        if host.profile is not None:
            self._trace(host.profile)
        if host.interruption is not None:
            host.interruption.begin_saving()

    def _trace(self, folder: Path) -> None:
        """Trace a few iterations from a copy of the state."""

        def some() -> None:
            updates = min(self.schedule.updates_per_iteration, _TRACED_UPDATES)
            copy = jax.tree.map(jnp.copy, self.progress)
            copy = self._execution.advance(copy, _TRACED_ITERATIONS, updates)
            jax.block_until_ready(self._execution.finish(copy, 1))

        trace(some, folder, self.host.say)

    def epoch(self) -> None:
        """The rest of the epoch under way, and its evaluation."""
        number = self.position.epoch
        iterations, updates = _counts(self.schedule, number)
        while self.position.iteration < iterations:
            self._advance_by(self._pace.next(iterations - self.position.iteration), updates)
            if self.position.iteration < iterations:
                self.host.tracker.progress(self._env_steps())
                self._look_around()
        metrics, finite = self._evaluate(iterations * updates)
        self.host.tracker.log(self._counters() | metrics | self._speeds())
        if number > 0:
            self._require(lambda: require_finite(metrics, finite, number))
        self.position = self.position._replace(epoch=number + 1, iteration=0, epoch_seconds=0.0)
        self._keep_best(metrics)
        self._look_around()

    def close(self) -> Rollout:
        """The last checkpoint, and the episodes to be drawn."""
        keeper = self.host.keeper
        if self._rollout is None:  # stopped after the last epoch and before the end
            self._evaluate(0)
        elif keeper is not None:
            self._save(keeper)
            keeper.wait()
        assert self._rollout is not None
        return self._rollout

    def _advance_by(self, iterations: int, updates: int) -> None:
        begun = time.perf_counter()
        self.progress = self._execution.advance(self.progress, iterations, updates)
        jax.block_until_ready(self.progress)
        self._pace.took(iterations, time.perf_counter() - begun)
        self._tick()
        done = self.position
        self.position = done._replace(
            iteration=done.iteration + iterations, iterations=done.iterations + iterations
        )

    def _evaluate(self, updates: int) -> tuple[dict[str, float], dict[str, Any]]:
        finished = self._execution.finish(self.progress, updates)
        self.progress, metrics, finite, self._rollout = finished
        metrics, finite = jax.device_get((metrics, finite))
        self._tick()
        return {name: float(value) for name, value in metrics.items()}, finite

    def _look_around(self) -> None:
        """Save when it is time, or when a signal has come; then leave."""
        keeper, interruption = self.host.keeper, self.host.interruption
        code = None if interruption is None else interruption.code
        if keeper is not None and (code is not None or keeper.due(self.position)):
            self._save(keeper)
        if code is not None:
            if keeper is not None:
                keeper.wait()
            raise StopRequestedError(code, saved=keeper is not None and not keeper.failed)

    def _save(self, keeper: Keeper) -> None:
        self._require(lambda: keeper.save(self.progress, self.position))

    def _keep_best(self, metrics: dict[str, float]) -> None:
        if self.host.keeper is not None:
            several = len(self.program.learners) > 1
            name = f"{self.program.collector}/{_SCORE}" if several else _SCORE
            learners = self.progress.state.learners
            self.host.keeper.save_best(learners, self.position, metrics[f"eval/{name}"])

    def _require(self, check: Callable[[], None]) -> None:
        """Keep a state that has gone wrong apart, to be looked at."""
        try:
            check()
        except NonFiniteError as error:
            if self.host.keeper is None:
                raise
            raise NonFiniteError(f"{error} {self._set_aside(self.host.keeper)}") from error

    def _set_aside(self, keeper: Keeper) -> str:
        try:
            return f"The state is in {keeper.set_aside(self.progress, self.position)}."
        except OSError as error:
            return f"Its state could not be written ({error.strerror or error})."

    def _tick(self, *, in_epoch: bool = True) -> None:
        """Add the time since the last tick to the run's."""
        now = time.perf_counter()
        seconds, self._clock = now - self._clock, now
        done = self.position
        self.position = done._replace(
            wall_seconds=done.wall_seconds + seconds,
            epoch_seconds=done.epoch_seconds + (seconds if in_epoch else 0.0),
        )

    def _env_steps(self) -> int:
        """Environment steps made so far, inside an epoch."""
        return self.position.iterations * self.schedule.steps_per_iteration

    def _counters(self) -> dict[str, float]:
        epoch = self.position.epoch
        return {
            "epoch": epoch,
            "env_steps": self.schedule.env_steps(epoch),
            "updates": self.schedule.updates(epoch),
        }

    def _speeds(self) -> dict[str, float]:
        """Rates over one epoch, its evaluation included."""
        epoch, seconds = self.position.epoch, self.position.epoch_seconds
        steps, updates = (
            count(epoch) - (count(epoch - 1) if epoch else 0)
            for count in (self.schedule.env_steps, self.schedule.updates)
        )
        return {
            "time/env_steps_per_second": steps / seconds,
            "time/updates_per_second": updates / seconds,
            "time/epoch_seconds": seconds,
            "time/wall_seconds": self.position.wall_seconds,
        }


def _counts(schedule: Schedule, epoch: int) -> tuple[int, int]:
    """Iterations and updates of an epoch; epoch 0 fills the buffer with the untrained policy."""
    if epoch == 0:
        return schedule.fill_iterations, 0
    return schedule.iterations_per_epoch, schedule.updates_per_iteration

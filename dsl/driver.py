"""The host's side of a run: compile, count epochs, hand metrics to the trackers."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from dsl.epochs import compile_epoch, on_devices, shared, start
from dsl.evaluation import Rollout
from dsl.experiment import Experiment
from dsl.jax_setup import kept_in
from dsl.profile import trace
from dsl.schedule import Schedule

Log = Callable[[dict[str, float]], None]


class NonFiniteError(Exception):
    """A metric of training is no longer a finite number."""


def train(
    experiment: Experiment, log: Log, say: Callable[[str], None], profile: Path | None = None
) -> Rollout:
    """Run an experiment from its first step to its last.

    Args:
        experiment: what to run.
        log: receives the metrics of every epoch, on the host; epoch 0 scores the untrained policy.
        say: receives a line on what is happening before the first epoch.
        profile: receives a trace of a few iterations, where one is wanted.

    Returns:
        The last evaluation's first episodes, to be drawn.

    Raises:
        NonFiniteError: a training metric is NaN or infinite; names it and the epoch.
    """
    program, schedule = on_devices(experiment.program()), experiment.schedule()
    started = time.perf_counter()
    say(f"compiling the training loop{shared(program)}")
    state = start(program, experiment.seed)
    run_epoch = compile_epoch(program, state)
    say(f"compiled in {time.perf_counter() - started:.0f} s{kept_in()}")
    for epoch in range(schedule.epochs + 1):
        if epoch == 1 and profile is not None:
            trace(run_epoch, program, state, schedule.updates_per_iteration, profile, say)
        begun = time.perf_counter()
        state, metrics, rollout = run_epoch(program, state, *_counts(schedule, epoch))
        metrics = {name: float(value) for name, value in jax.device_get(metrics).items()}
        now = time.perf_counter()
        speeds = _speeds(schedule, epoch, now - begun)
        log(_counters(schedule, epoch) | metrics | speeds | {"time/wall_seconds": now - started})
        if epoch > 0:
            _require_finite(metrics, epoch)
    return rollout


def _counts(schedule: Schedule, epoch: int) -> tuple[jax.Array, ...]:
    """Iterations and updates of an epoch; epoch 0 fills the buffer with the untrained policy."""
    if epoch == 0:
        return _as_arrays(schedule.fill_iterations, 0)
    return _as_arrays(schedule.iterations_per_epoch, schedule.updates_per_iteration)


def _as_arrays(*numbers: int) -> tuple[jax.Array, ...]:
    return tuple(jnp.asarray(number, jnp.int32) for number in numbers)


def _counters(schedule: Schedule, epoch: int) -> dict[str, float]:
    return {
        "epoch": epoch,
        "env_steps": schedule.env_steps(epoch),
        "updates": schedule.updates(epoch),
    }


def _speeds(schedule: Schedule, epoch: int, seconds: float) -> dict[str, float]:
    """Rates over one epoch, its evaluation included."""
    before = epoch - 1
    steps = schedule.env_steps(epoch) - (schedule.env_steps(before) if epoch else 0)
    updates = schedule.updates(epoch) - (schedule.updates(before) if epoch else 0)
    return {
        "time/env_steps_per_second": steps / seconds,
        "time/updates_per_second": updates / seconds,
        "time/epoch_seconds": seconds,
    }


def _require_finite(metrics: dict[str, float], epoch: int) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"{name} became {value} in epoch {epoch}.")

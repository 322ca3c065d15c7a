"""The host's side of a run: compile, fill the buffer, count epochs, hand metrics to the trackers."""

import math
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from dsl import loop
from dsl.experiment import Experiment
from dsl.schedule import Schedule

Log = Callable[[dict[str, float]], None]


class NonFiniteError(Exception):
    """A metric of training is no longer a finite number."""


def train(experiment: Experiment, log: Log, say: Callable[[str], None]) -> loop.Rollout:
    """Run an experiment from its first step to its last.

    Args:
        experiment: what to run.
        log: receives the metrics of every epoch, on the host.
        say: receives a line on what is happening before the first epoch.

    Returns:
        The last evaluation's first episodes, to be drawn.

    Raises:
        NonFiniteError: a training metric is NaN or infinite; names it and the epoch.
    """
    program, schedule = experiment.program(), experiment.schedule()
    started = time.perf_counter()
    say("compiling the training loop")
    state = eqx.filter_jit(loop.init)(program, jnp.asarray(experiment.seed, jnp.uint32))
    fill, epoch = _compile(program, state, schedule)
    say(f"compiled in {time.perf_counter() - started:.0f} s")
    state = fill(program, state)
    rollout = None
    for number in range(1, schedule.epochs + 1):
        begun = time.perf_counter()
        state, metrics, rollout = epoch(program, state)
        metrics = {name: float(value) for name, value in jax.device_get(metrics).items()}
        now = time.perf_counter()
        log(_counters(schedule, number) | metrics | _speeds(schedule, now - begun, now - started))
        _require_finite(metrics, number)
    assert rollout is not None  # a schedule has at least one epoch
    return rollout


def _compile(
    program: loop.Program, state: loop.TrainState, schedule: Schedule
) -> tuple[Callable[..., loop.TrainState], Callable[..., Any]]:
    """Compile ahead of time, so that no epoch's time includes a compilation."""

    def fill(program: loop.Program, state: loop.TrainState) -> loop.TrainState:
        return loop.fill(program, state, schedule.fill_iterations)

    donated = {"donate": "all-except-first"}
    return (
        eqx.filter_jit(fill, **donated).lower(program, state).compile(),
        eqx.filter_jit(loop.train_epoch, **donated).lower(program, state).compile(),
    )


def _counters(schedule: Schedule, epoch: int) -> dict[str, float]:
    return {
        "epoch": epoch,
        "env_steps": schedule.env_steps(epoch),
        "updates": schedule.updates(epoch),
    }


def _speeds(schedule: Schedule, seconds: float, wall_seconds: float) -> dict[str, float]:
    """Rates over one epoch, its evaluation included."""
    iterations = schedule.iterations_per_epoch
    return {
        "time/env_steps_per_second": iterations * schedule.steps_per_iteration / seconds,
        "time/updates_per_second": iterations * schedule.updates_per_iteration / seconds,
        "time/epoch_seconds": seconds,
        "time/wall_seconds": wall_seconds,
    }


def _require_finite(metrics: dict[str, float], epoch: int) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"{name} became {value} in epoch {epoch}.")

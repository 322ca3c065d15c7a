"""Repeats a run to find what first made a number non-finite: `dsl.run FILE --find-nan`."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from components.learners.gradient_accumulation import MICRO_BATCHES
from components.networks.layers import BLOCKS
from dsl.checkpoint.manager import NONFINITE
from dsl.experiment import Experiment
from dsl.language.configuration import Configuration
from dsl.loop.execution import init_on_devices
from dsl.loop.finite_check import finite_flags
from dsl.loop.nan_search import begin_iteration, find_origin_in_update, run_while_finite
from dsl.loop.nonfinite_origin import Origin
from dsl.loop.program import Program, TrainState
from dsl.loop.run_position import RunPosition
from dsl.loop.schedule import Schedule
from dsl.records.console_output import write_line
from dsl.records.description import describe_file, name_of
from dsl.records.run_folder import OPERATIVE, RunFolder
from dsl.training.build import build
from dsl.training.quiet_compiler import without_alarms
from dsl.training.run_job import RunJob
from dsl.training.single_job import RUNS
from dsl.training.starting_point import init_or_resume

# What one round of a loop is called, by the name of its scope.
_ROUNDS = {BLOCKS: "block", MICRO_BATCHES: "micro-batch"}


def find_nan(
    configuration: Configuration, file: Path, out: Path | None, *, accept_changes: bool = False
) -> str | None:
    """Repeat a run from its last checkpoint, and say what first made a number non-finite.

    Nothing is recorded. A run without a checkpoint is repeated from its first step.

    Args:
        configuration: what ran.
        file: the gin file, which names the run.
        out: the run's folder; by default the newest one of this name whose numbers stopped being
            finite.
        accept_changes: whether to repeat it under own words that have changed since.

    Returns:
        What was found, as text; None if every number stays finite.

    Raises:
        UsageError: the folder holds another run, or cannot be used.
    """
    experiment = build(configuration)
    folder = out or _newest_failed_run(name_of(file))
    with ExitStack() as stack:
        if folder is None or not (folder / OPERATIVE).exists():
            write_line("there is no run to continue from: repeating it from its first step")
            return search(experiment, experiment.schedule())
        owned = stack.enter_context(RunFolder.open(folder))
        job = RunJob(
            experiment, describe_file(configuration, file), owned, accept_changes=accept_changes
        )
        experiment = job.experiment
        state, position = init_or_resume(experiment, job.checkpoints)
        if not all(map(bool, finite_flags(state.metric_sums).values())):
            write_line(
                "the last checkpoint was written after the fault: repeating from the first step"
            )
            return search(experiment, job.schedule)
        write_line(
            f"repeating {folder} from epoch {position.epoch}, iteration {position.iteration}"
        )
        return search(experiment, job.schedule, state, position)


def search(
    experiment: Experiment,
    schedule: Schedule,
    state: TrainState | None = None,
    position: RunPosition = RunPosition(),  # noqa: B008 (a tuple)
) -> str | None:
    """Repeat a run to its end or to the first number that is not finite, and describe that.

    Args:
        experiment: what runs.
        schedule: of the run.
        state: where to start; by default before the first step.
        position: of `state`.
    """
    # One device draws the same random numbers as many do.
    program = replace(experiment.program(schedule), devices=1)
    with without_alarms():
        started = init_on_devices(program, experiment.seed) if state is None else state
        return _repeat(program, schedule, jax.device_put(started, jax.devices()[0]), position)


def _repeat(
    program: Program, schedule: Schedule, state: TrainState, position: RunPosition
) -> str | None:
    run = eqx.filter_jit(run_while_finite, donate="all-except-first")
    for epoch in range(position.epoch, schedule.epochs + 1):
        iterations, updates = schedule.epoch_counts(epoch)
        begin = position.iteration if epoch == position.epoch else 0
        for iteration in range(begin, iterations):
            state, finite_updates = run(program, state, jnp.asarray(updates, jnp.int32))
            if (index := int(finite_updates)) < updates:
                before = schedule.updates(epoch - 1) + iteration * updates
                where = f"update {before + index + 1:,} of the run (epoch {epoch}, iteration "
                where += f"{iteration + 1}, update {index + 1} of {updates})"
                return f"{where} {_explain(program, state, index)}"
            state = begin_iteration(state)
        write_line(f"epoch {epoch} of {schedule.epochs}: every number is finite")
    return None


def _newest_failed_run(name: str) -> Path | None:
    found = [path.parent for path in RUNS.glob(f"{name}-*/{NONFINITE}")]
    return max(found, default=None)


def _explain(program: Program, state: TrainState, index: int) -> str:
    for name, finite in finite_flags(state.buffer).items():
        if not finite:
            return (
                f"found numbers in the replay buffer that are not finite, in `{name}`: the "
                "environment gave them."
            )
    origin = find_origin_in_update(program, state, index)
    if origin is None:
        return "is not finite when compiled, and finite operation by operation."
    return f"made the first number that is not finite:\n{describe_origin(origin)}"


def describe_origin(origin: Origin) -> str:
    """Return a line for each thing that is known of an operation."""
    names = [name for name in origin.names if name not in _ROUNDS]
    rows = [("operation", f"{origin.operation}, which gave {origin.result}")]
    rows += [("line", origin.line)] if origin.line else []
    rows += [("network", _join(names, origin.is_backward))] if names else []
    for loop in origin.loops:
        scope = loop.scope.rstrip(")").rpartition("/")[2].rpartition("(")[2]
        kind = _ROUNDS.get(scope, "step of a loop")
        of = "" if loop.steps is None else f" of {loop.steps:,}"
        rows.append((kind, f"{loop.step + 1:,}{of}"))
    return "\n".join(f"  {name:<9}  {text}" for name, text in rows)


def _join(names: list[str], is_backward: bool) -> str:
    return " / ".join(dict.fromkeys(names)) + (", in its gradient" if is_backward else "")

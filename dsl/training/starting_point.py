"""Finds where training starts: at the first step, or at a checkpoint."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dsl.checkpoint.manager import CheckpointManager
from dsl.experiment import Experiment
from dsl.loop import multi_seed, training_loop
from dsl.loop.execution import assign_devices, init_on_devices, move_to_devices
from dsl.loop.program import TrainState
from dsl.loop.run_position import RunPosition
from dsl.training.compile_progress import CompileProgress
from dsl.training.quiet_compiler import without_alarms


def init_or_resume(
    experiment: Experiment, checkpoints: CheckpointManager | None = None
) -> tuple[TrainState, RunPosition]:
    """Return a run as its last good checkpoint left it, or before its first step.

    Args:
        experiment: what to run.
        checkpoints: of the run, if it has any.

    Raises:
        UsageError: there are checkpoints and all of them are damaged.
    """
    program = assign_devices(experiment.program())
    resumed = None
    if checkpoints is not None and checkpoints.has_checkpoints():
        resumed = checkpoints.restore_latest(training_loop.abstract_train_state(program))
    if resumed is not None:
        state, position = resumed
        return move_to_devices(program, state), position
    with _compiling_initial_state():
        return init_on_devices(program, experiment.seed), RunPosition()


def init_or_resume_seeds(
    experiments: Sequence[Experiment], checkpoints: Sequence[CheckpointManager], iterations: int
) -> tuple[TrainState, Sequence[RunPosition]] | None:
    """Return the seeds of one experiment, all after the same iteration.

    Args:
        experiments: what to run.
        checkpoints: of each run.
        iterations: made at the checkpoint to resume; 0 for runs without one.

    Returns:
        Their states, with a leading axis over the seeds, and their positions; None if a checkpoint
        turned out to be damaged, and was renamed.

    Raises:
        UsageError: a run has checkpoints and all of them are damaged.
    """
    program = experiments[0].program()
    if not iterations:
        for each in checkpoints:
            each.refuse_lost_run()
        with _compiling_initial_state():
            seeds = [experiment.seed for experiment in experiments]
            state = multi_seed.init_seeds(program, seeds)
        return state, [RunPosition()] * len(experiments)
    resumed = [
        each.restore_latest(training_loop.abstract_train_state(program), iterations)
        for each in checkpoints
    ]
    found = [one for one in resumed if one is not None and one[1].iterations == iterations]
    if len(found) < len(checkpoints):
        return None
    for each in checkpoints:
        each.discard_after(iterations)
    states, positions = zip(*found, strict=True)
    return multi_seed.stack_seeds(program, states), positions


@contextmanager
def _compiling_initial_state() -> Iterator[None]:
    """Show that the first program is being compiled, which is run at once."""
    with (
        without_alarms(),
        CompileProgress() as progress,
        progress.observe("compiling", "initial state"),
    ):
        yield

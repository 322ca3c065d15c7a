"""Runs an experiment from Python, as `dsl.run`."""

from pathlib import Path

from components.constraints import SettingError
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.language.configuration import Configuration
from dsl.loop.training_loop import abstract_train_state
from dsl.records.description import describe
from dsl.records.run_folder import next_folder
from dsl.training.build import build
from dsl.training.jax_settings import require_usable_settings
from dsl.training.memory_check import require_memory
from dsl.training.python_description import describe_python_experiment
from dsl.training.single_job import RUNS, run_in_folder


def run(
    wanted: Experiment | Configuration,
    folder: str | Path | None = None,
    *,
    name: str = "experiment",
    restart: bool = False,
    accept_changes: bool = False,
    force: bool = False,
) -> Path:
    """Train, record and draw; the same call on the same folder resumes the run.

    The folder is that of the command: metrics, checkpoints, pictures. Interrupting Python stops the
    run, which loses what came after its last checkpoint.

    Args:
        wanted: what to run: an experiment built in Python, or what `dsl.load` returned.
        folder: of the run; by default the next free one under `runs/`.
        name: of the run, where it is shown.
        restart: whether to begin again at the first step; the old record is moved aside.
        accept_changes: whether to resume under own words that have changed; recorded in the folder.
        force: skip the check that the run fits into memory.

    Returns:
        The run's folder.

    Raises:
        UsageError: the experiment, the folder or a setting of JAX cannot be used.
        NonFiniteError: training gave numbers that are not finite.
    """
    require_usable_settings()
    if not isinstance(wanted, Experiment | Configuration):
        example = (
            f" Write dsl.run(dsl.load({str(wanted)!r}))." if isinstance(wanted, str | Path) else ""
        )
        raise UsageError(
            f"dsl.run takes an Experiment, or what dsl.load returns, and not {wanted!r}.{example}"
        )
    if isinstance(wanted, Configuration):
        experiment, description = build(wanted), describe(wanted, name)
    else:
        _require_possible(wanted)
        experiment, description = wanted, describe_python_experiment(wanted, name)
    require_memory(experiment, force=force)
    path = next_folder(RUNS, name) if folder is None else Path(folder)
    return run_in_folder(
        experiment, description, path, restart=restart, accept_changes=accept_changes
    )


def _require_possible(experiment: Experiment) -> None:
    """Refuse settings that cannot be, alone or beside the others."""
    problems = experiment.problems()
    if not problems:
        try:
            abstract_train_state(experiment.program())
        except SettingError as error:
            problems = [error]
    if problems:
        raise UsageError("\n".join(map(str, problems)))

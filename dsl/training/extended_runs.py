"""Describes what a run that resumes with another length changes, before it is started."""

from pathlib import Path

from dsl.checkpoint.run_checkpoints import read_newest_metadata
from dsl.language.configuration import Configuration
from dsl.records.metrics_log import read_metrics
from dsl.records.run_folder import METRICS
from dsl.training.build import build
from dsl.training.learning_rates import learning_rate_notices


def describe_extension(configuration: Configuration, folder: Path) -> list[str]:
    """Return what happens to the learning rates of a run that resumes: nothing if all are constant.

    Args:
        configuration: the run that is asked for.
        folder: of the run.

    Raises:
        UnreadableError: the checkpoints cannot be read now.
    """
    path, metadata = folder / METRICS, read_newest_metadata(folder)
    recorded = read_metrics(path)[-1:] if path.exists() else []
    if metadata is None or not recorded:
        return []
    experiment = build(configuration)
    schedule = experiment.schedule(metadata["iterations_per_epoch"])
    made = schedule.updates(recorded[0]["epoch"])
    updates = schedule.updates(schedule.epochs)
    return learning_rate_notices(experiment.learners, updates, made, recorded[0])

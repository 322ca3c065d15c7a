"""Where a record ends: cuts it back to a checkpoint, and marks a run as finished."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dsl.errors import UsageError
from dsl.records.durable_files import free_name, read_if_present, refusing_unreadable, write_record
from dsl.records.metrics_log import describe_gaps, read_metrics
from dsl.records.run_folder import METRICS

FINISHED = "finished.json"


class Finished(NamedTuple):
    """The end of a run.

    Attributes:
        epoch: the last one.
        env_steps: environment steps made.
    """

    epoch: int
    env_steps: int


def cut_record(
    folder: Path, epoch: int, say: Callable[[str], None], *, has_checkpoint: bool
) -> list[int]:
    """Cut the record to the epochs before `epoch`, which the run is about to repeat.

    The record of a run that begins again for want of a checkpoint is kept as
    `metrics.jsonl.earlier-N`, unless it holds no more than the untrained policy's scores.

    Args:
        folder: of the run.
        epoch: the first to be done now.
        say: receives a line if an earlier record is kept.
        has_checkpoint: whether the run continues from one, which may lie inside of epoch 0.

    Returns:
        Epochs before it that the record has lost.

    Raises:
        RecordError: `metrics.jsonl` cannot be written.
        UnreadableError: it cannot be read now.
        UsageError: it holds something else, or the run was finished and has lost its checkpoints.
    """
    path = folder / METRICS
    if not has_checkpoint and read_finished(folder) is not None:
        raise UsageError(
            f"{folder}: the run is finished and has no checkpoint to continue from; its record is "
            "as it was. Bring a checkpoint back, or begin the run again from its first step with "
            "--restart, which moves the old record aside."
        )
    try:
        with refusing_unreadable(path):
            epochs = read_metrics(path)
        kept = [line for line in epochs if line["epoch"] < epoch]
        lost = set(range(epoch)) - {line["epoch"] for line in kept}
    except FileNotFoundError:
        return list(range(epoch))
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{path}: is not the record of a run, of which every line tells an epoch. Bring the "
            "record back, or begin the run again with --restart, which moves the old one aside."
        ) from error
    if not has_checkpoint and len(epochs) > 1:
        earlier = free_name(path, ".earlier-")
        write_record(earlier, "".join(json.dumps(line) + "\n" for line in epochs))
        say(
            f"{folder}: there is no checkpoint to continue from, so the run begins at its first "
            f"step. The {len(epochs)} epochs recorded before are kept in {earlier.name}"
        )
    write_record(path, "".join(json.dumps(line) + "\n" for line in kept))
    return sorted(lost)


def read_finished(folder: Path) -> Finished | None:
    """Return how the run in the folder ended, or None while it has not.

    Raises:
        UnreadableError: it cannot be read now.
    """
    text = read_if_present(folder / FINISHED)
    try:
        return None if text is None else Finished(**json.loads(text))
    except (ValueError, TypeError):
        return None


def find_record_damage(folder: Path, end: Finished) -> str | None:
    """Return what is wrong with the record of a finished run, as part of a message; None if whole.

    Raises:
        UnreadableError: it cannot be read now.
    """
    try:
        with refusing_unreadable(folder / METRICS):
            lines = read_metrics(folder / METRICS)
        epochs = [line["epoch"] for line in lines]
    except FileNotFoundError:
        return "is missing"
    except (ValueError, TypeError, KeyError):
        return "has lines that are not epochs of a run"
    if end.epoch in epochs and len(set(epochs)) == len(epochs):
        return None  # a hole before the end was reported when the run continued behind it
    return describe_gaps(lines, end.epoch)


def mark_finished(folder: Path, end: Finished) -> None:
    """Write down that the run is over.

    Raises:
        RecordError: it cannot be written.
    """
    write_record(folder / FINISHED, json.dumps(end._asdict()) + "\n")

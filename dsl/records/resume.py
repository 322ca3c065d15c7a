"""The same command on the same folder goes on: what must agree, and what is cut away."""

import json
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import NamedTuple

from dsl.errors import UsageError
from dsl.language.dump import operative_settings
from dsl.records.durable_files import read_if_present, refusing_unreadable, write_atomically
from dsl.records.metrics_log import read_metrics
from dsl.records.run_folder import ENVIRONMENT, METRICS, OPERATIVE

FINISHED = "finished.json"
SEED = "Experiment.seed"
# Settings that a run may be continued with a new value of.
MAY_CHANGE = (
    "total_env_steps",
    "film",
    "checkpoint_minutes",
    "checkpoint_epochs",
    "checkpoints_kept",
    "trackers",
)
_MOST_SHOWN = 20


class Finished(NamedTuple):
    """The end of a run.

    Attributes:
        epoch: the last one.
        env_steps: environment steps made.
    """

    epoch: int
    env_steps: int


def require_same(folder: Path, operative: str) -> bool:
    """Whether the folder holds this run already.

    Args:
        folder: of a run, or empty.
        operative: every value of the run that is to be done there.

    Raises:
        UsageError: it holds another run; shows the gin lines that differ.
    """
    before = read_if_present(folder / OPERATIVE)
    if before is None:
        _refuse_foreign(folder)
        return False
    different = list(_different(before.decode(errors="replace"), operative))
    if different:
        shown = [*different[:_MOST_SHOWN], *(["  ..."] if len(different) > _MOST_SHOWN else [])]
        raise UsageError(
            f"{folder}: holds a run with other settings (- there, + asked for):\n"
            + "\n".join(shown)
            + "\nGive --out another folder. A run may go on with other values of "
            + f"{', '.join(MAY_CHANGE)} only."
        )
    return True


def settings_without_seed(operative: str) -> tuple[tuple[str, str], ...]:
    """Return the name and gin text of every setting of a run but its seed."""
    settings = operative_settings(operative)
    settings.pop(SEED, None)
    return tuple(settings.items())


def rewind(folder: Path, epoch: int) -> list[int]:
    """Cut the record to the epochs before `epoch`, which a checkpoint is about to repeat.

    Args:
        folder: of the run.
        epoch: the first to be done now; 0 for a run without a checkpoint.

    Returns:
        Epochs before it that the record has lost.

    Raises:
        UnreadableError: `metrics.jsonl` cannot be read now.
        UsageError: it holds something else, or the run was finished and has lost its checkpoints.
    """
    path = folder / METRICS
    if epoch == 0 and finished(folder) is not None:
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
            f"{path}: is not the record of a run ({error}). Bring it back, or move the folder away "
            "and begin again."
        ) from error
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
    return sorted(lost)


def finished(folder: Path) -> Finished | None:
    """Return how the run in the folder ended, or None while it has not.

    Raises:
        UnreadableError: it cannot be read now.
    """
    text = read_if_present(folder / FINISHED)
    try:
        return None if text is None else Finished(**json.loads(text))
    except (ValueError, TypeError):
        return None


def mark_finished(folder: Path, end: Finished) -> None:
    """Write down that the run is over."""
    write_atomically(folder / FINISHED, json.dumps(end._asdict()) + "\n")


def _different(before: str, now: str) -> Iterator[str]:
    for line in ndiff(_settings(before), _settings(now)):
        if line[:1] in "+-":
            yield f"  {line}"


def _settings(text: str) -> list[str]:
    free = tuple(f"Experiment.{name} = " for name in MAY_CHANGE)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line for line in lines if not line.startswith(free)]


def _refuse_foreign(folder: Path) -> None:
    """Refuse files of a run without the one that says which run."""
    names = (ENVIRONMENT, METRICS)
    found = [name for name in names if (folder / name).exists()]
    if found:
        raise UsageError(
            f"{folder}: holds {', '.join(found)} of a run, but no {OPERATIVE} that says which. "
            "Choose another folder with --out, or leave --out away to get the next free one."
        )

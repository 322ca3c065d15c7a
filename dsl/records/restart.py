"""Begins a run again in its own folder, when the user says so: the old record is moved aside."""

import re
import shutil
from pathlib import Path

from dsl.errors import UsageError
from dsl.records.durable_files import free_name
from dsl.records.run_folder import AIM_RUNS, EXPERIMENT, LOCK, WORDS

_EARLIER = "earlier"
# The lock is held, and the run keeps its place in Aim.
_STAYS = {LOCK, AIM_RUNS}
# A gin file of the run that is being read may need these.
_COPIED = {EXPERIMENT, WORDS}


def is_set_aside(folder: Path) -> bool:
    """Return whether a run folder is the old record of the run that it lies in."""
    return re.fullmatch(rf"{_EARLIER}-\d+", folder.name) is not None


def move_record_aside(folder: Path) -> Path | None:
    """Move everything that a run has recorded into `RUN/earlier-N`, which can still be played.

    Args:
        folder: of the run, which this process owns.

    Returns:
        Where the old record is now, or None if there was none.

    Raises:
        UsageError: it cannot be moved.
    """
    try:
        found = [path for path in folder.iterdir() if not is_set_aside(path)]
        moved = sorted(path for path in found if path.name not in _STAYS)
        if all(path.name in _COPIED for path in moved):
            return None
        aside = free_name(folder / _EARLIER, "-")
        aside.mkdir()
        for path in moved:
            _copy_or_move(path, aside / path.name)
    except OSError as error:
        raise UsageError(
            f"{folder}: the old record cannot be moved aside ({error.strerror or error})."
        ) from error
    return aside


def _copy_or_move(path: Path, target: Path) -> None:
    if path.name not in _COPIED:
        path.rename(target)
    elif path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)

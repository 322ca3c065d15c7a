"""Says which runs a sweep's grid has gained and lost since the sweep began, and drops lost ones."""

import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dsl.errors import UsageError
from dsl.records.durable_files import (
    advise_on_write,
    describe_refused_write,
    read_if_present,
    write_atomically,
)
from dsl.records.kept_trial import DROPPED, is_dropped, kept_folder, kept_runs
from dsl.records.run_folder import LOCK, OPERATIVE, find_user
from dsl.records.same_run import join_first_lines
from dsl.sweep.grid import Trial
from dsl.sweep.kept_trials import has_begun, read_kept

_GRID = "sweep.grid"


class GridChange(NamedTuple):
    """What distinguishes the grid of a sweep from that of its beginning.

    Attributes:
        added: folders of runs that it has gained.
        dropped: folders of runs that it has lost.
    """

    added: list[Path]
    dropped: list[Path]


def find_grid_change(trials: Sequence[Trial]) -> GridChange:
    """Compare the trials of a sweep with those that were kept when it began.

    A grid on the command line chooses among the runs of a sweep, and drops none. Nor does the sweep
    of another file in the same folder.

    Raises:
        UnreadableError: what was kept cannot be read now.
    """
    root, asked = trials[0].folder.parent, {trial.folder for trial in trials}
    if not has_begun(root):
        return GridChange([], [])
    name = trials[0].description.get("name")
    kept = {
        folder: trial
        for folder in kept_runs(root)
        if (trial := read_kept(folder)) and trial.description.get("name") == name
    }
    if not kept:
        return GridChange([], [])
    added = [t.folder for t in trials if t.folder not in kept or is_dropped(t.folder)]
    if _grid_is_override(trials[0]):
        return GridChange(added, [])
    dropped = [
        folder
        for folder, trial in kept.items()
        if folder not in asked and not _grid_is_override(trial) and (folder / OPERATIVE).exists()
    ]
    return GridChange(added, dropped)


def tell_grid_change(file: Path, trials: Sequence[Trial], say: Callable[[str], None]) -> None:
    """Name the runs that a sweep has gained and lost, unless that has been said before."""
    added, dropped = find_grid_change(trials)
    lost = [folder for folder in dropped if not is_dropped(folder)]
    lines = [*(f"  + {each}" for each in added), *(f"  - {each}" for each in lost)]
    if not lines:
        return
    advice = (
        "\nRuns that it has lost (-) are not trained; reports leave them out unless they are named."
    )
    say(
        f"{file}: its grid has changed since this sweep began:\n"
        f"{join_first_lines(lines)}{advice if lost else ''}"
    )


def apply_grid_change(trials: Sequence[Trial], say: Callable[[str], None]) -> None:
    """Mark the runs that a sweep has lost, and stop the processes that an earlier sweep left there.

    Raises:
        UsageError: the mark cannot be written.
    """
    dropped = find_grid_change(trials).dropped
    try:
        for trial in trials:
            (kept_folder(trial.folder) / DROPPED).unlink(missing_ok=True)
        for folder in dropped:
            write_atomically(kept_folder(folder) / DROPPED, "")
    except OSError as error:
        message = describe_refused_write(Path(error.filename or trials[0].folder.parent), error)
        raise UsageError(f"{message} {advise_on_write(error)}") from error
    lost = {kept_folder(folder) / OPERATIVE for folder in dropped}
    for folder in dropped:
        if user := find_user(folder):
            _stop_process(folder, user, lost, say)


def _stop_process(folder: Path, user: str, lost: set[Path], say: Callable[[str], None]) -> None:
    """Stop what trains a run, if a sweep started it and it trains nothing that is still wanted."""
    pid = _read_pid(folder)
    if pid and (files := _kept_files(pid, folder.parent)) and files <= lost:
        os.kill(pid, signal.SIGTERM)
        say(f"stops process {pid}, which trains {folder}; its state is saved")
    else:
        say(f"{user}, still trains {folder}, which is no longer part of the sweep")


def _read_pid(folder: Path) -> int | None:
    try:
        return int(json.loads(read_if_present(folder / LOCK) or b"")["pid"])
    except (ValueError, KeyError, TypeError):
        return None


def _kept_files(pid: int, root: Path) -> set[Path]:
    """Return the kept files of a sweep that are arguments of a process on this machine."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        place = Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return set()  # another machine's, or not Linux
    kept = {kept_folder(folder) / OPERATIVE for folder in kept_runs(root)}
    named = {(place / each).resolve() for each in arguments}
    return {each for each in kept if each.resolve() in named}


def _grid_is_override(trial: Trial) -> bool:
    return any(each.partition("=")[0].strip() == _GRID for each in trial.overrides)

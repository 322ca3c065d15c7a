"""Finds the checkpoints of a run by their names; used by whoever only reads a run, too."""

import re
from pathlib import Path
from typing import Any

from dsl.checkpoint.disk_format import read_manifest
from dsl.checkpoint.errors import DamagedError
from dsl.records.durable_files import free_name, list_if_present

CHECKPOINTS = "checkpoints"
SAVED = re.compile(r"iteration_(\d+)")
BEST = re.compile(r"best_(\d+)")
QUARANTINED = re.compile(r"iteration_(\d+)\.damaged-\d+")
UNFINISHED = re.compile(r"\.tmp-.*?(\d+)")


def list_checkpoints(folder: Path, kind: re.Pattern[str]) -> list[Path]:
    """Return the checkpoints of one kind in `RUN/checkpoints`, oldest first.

    Raises:
        UnreadableError: the folder cannot be read now.
    """
    found = [path for path in list_if_present(folder) if kind.fullmatch(path.name)]
    return sorted(found, key=checkpoint_number)


def checkpoint_number(path: Path) -> int:
    """Return after how many iterations a checkpoint was written."""
    return int(re.findall(r"\d+", path.name)[0])


def list_policies(run: Path) -> list[Path]:
    """Return the checkpoints that a policy can be read from: the best, then the newest first.

    Raises:
        UnreadableError: the folder cannot be read now.
    """
    folder = run / CHECKPOINTS
    best, saved = list_checkpoints(folder, BEST), list_checkpoints(folder, SAVED)
    return [*reversed(best), *reversed(saved)]


def read_newest_metadata(run: Path) -> dict[str, Any] | None:
    """Return the metadata of the newest good checkpoint of a run, or None without one.

    Raises:
        IncompatibleError: it is in a format that this version does not read.
        UnreadableError: it cannot be read now.
    """
    for path in reversed(list_checkpoints(run / CHECKPOINTS, SAVED)):
        try:
            return read_manifest(path).metadata
        except DamagedError:
            continue
    return None


def quarantine_checkpoint(path: Path) -> Path:
    """Rename a damaged checkpoint, so that it is neither used nor counted nor lost."""
    return path.rename(free_name(path, ".damaged-"))

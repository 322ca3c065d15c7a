"""The folder of one run: what is in it, how it is named, and that one process owns it.

config.gin         the experiment as it was written
operative.gin      every value that ran
experiment.json    name, macros and settings, for whatever shows the run
environment.json   versions, device, source revision
metrics.jsonl      one line per epoch
checkpoints/       the last ones, and the best policy
finished.json      when the run is over
pictures/          <name>.png, <name>.gif
profile/           a trace of a few iterations, where one was asked for
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dsl.errors import UsageError
from dsl.records.durable_files import copy_atomically, read_if_present, write_atomically
from dsl.records.file_lock import FileLock

CONFIG = "config.gin"
OPERATIVE = "operative.gin"
EXPERIMENT = "experiment.json"
ENVIRONMENT = "environment.json"
METRICS = "metrics.jsonl"
PICTURES = "pictures"
PROFILE = "profile"
WORDS = "words"
AIM_RUNS = "aim_runs"
LOCK = ".lock"


class Description(NamedTuple):
    """What a run is, as plain data.

    Attributes:
        experiment: stem of the gin file.
        config: the gin file as it was written.
        operative: a gin file with every value that ran.
        macros: the CAPITAL knobs of the experiment.
        hyperparameters: every setting, nested by role and component.
        environment: what `dsl.records.provenance.environment` returned.
    """

    experiment: str
    config: str
    operative: str
    macros: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    environment: Mapping[str, Any]


class RunFolder:
    """A folder that this process owns until it is closed; use it as a context manager.

    Made by `RunFolder.open`.
    """

    def __init__(self, path: Path, lock: FileLock):
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Make the folder where needed, and lock it.

        Raises:
            UsageError: it is a file, cannot be written, or is in use.
        """
        path = path.absolute()
        return cls(path, _locked(path))

    def describe(self, description: Description, *, goes_on: bool = False) -> None:
        """Write down what the run is: the first thing a run does.

        Args:
            description: of the run as it is asked for now.
            goes_on: whether the run began earlier; its environments then follow each other.
        """
        experiment = {
            "name": description.experiment,
            "macros": _plain(description.macros),
            "hyperparameters": _plain(description.hyperparameters),
        }
        environment = dict(description.environment)
        if goes_on:
            environment = _with_earlier(self.path / ENVIRONMENT, environment)
        write_atomically(self.path / CONFIG, description.config)
        write_atomically(self.path / OPERATIVE, description.operative)
        write_atomically(self.path / EXPERIMENT, _json(experiment))
        write_atomically(self.path / ENVIRONMENT, _json(environment))

    def close(self) -> None:
        """Let other processes have the folder."""
        self._lock.release()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def next_folder(root: Path, stem: str) -> Path:
    """Make and return `root/stem-NNN` with the number after the highest in use.

    Raises:
        UsageError: it cannot be made.
    """
    number = 1 + max(_numbers(root, stem), default=0)
    while True:
        path = root / f"{stem}-{number:03d}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1  # another process was quicker
        except OSError as error:
            raise UsageError(_unwritable(path, error)) from error
        else:
            return path


def keep_picture(folder: Path, name: str, path: Path) -> None:
    """Copy a picture or a film into a run's folder, whole or not at all.

    Args:
        folder: of the run.
        name: to keep it under, without its ending; one of the same name and kind is replaced.
        path: where it lies now.

    Raises:
        OSError: it cannot be written.
    """
    copy_atomically(path, folder / PICTURES / f"{name}{path.suffix}")


def _numbers(root: Path, stem: str) -> list[int]:
    pattern = re.compile(re.escape(stem) + r"-(\d+)")
    names = [entry.name for entry in root.iterdir()] if root.is_dir() else []
    return [int(match[1]) for match in map(pattern.fullmatch, names) if match]


def _locked(path: Path) -> FileLock:
    lock = FileLock(path / LOCK)
    if path.exists() and not path.is_dir():
        raise UsageError(_not_a_folder(path))
    try:
        path.mkdir(parents=True, exist_ok=True)
        free = lock.acquire()
    except OSError as error:
        raise UsageError(_unwritable(path, error)) from error
    if not free:
        raise UsageError(
            f"{path}: in use by {lock.holder()}. Wait until that run has ended, or choose "
            "another folder with --out."
        )
    return lock


def _with_earlier(path: Path, now: dict[str, Any]) -> dict[str, Any]:
    """Add the environments of the processes before this one under `earlier`."""
    try:
        before = json.loads(read_if_present(path) or b"")
        return {**now, "earlier": [*before.pop("earlier", []), before]}
    except (ValueError, AttributeError):
        return now


def _not_a_folder(path: Path) -> str:
    return f"{path}: is a file; a run needs a folder. Choose another name with --out."


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be written ({error.strerror}). Choose another place with --out."


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same value in strict JSON: infinities and NaN in words."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

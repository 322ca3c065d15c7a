"""Names and locks the folder of one run, and writes what the run is.

config.gin         the experiment as it was written
operative.gin      every value of the run
words/             copies of own Python modules that the gin file imports
experiment.json    name, macros and settings, for programs that show the run
environment.json   versions, device, source revision
metrics.jsonl      one line per epoch
checkpoints/       the last ones, and the best policy
finished.json      written when the run is over
pictures/          <name>.png, <name>.gif
profile/           a trace of a few iterations, if one was asked for
earlier-N/         the record from before a restart
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsl.errors import UsageError
from dsl.records.durable_files import (
    advise_on_write,
    copy_atomically,
    describe_refused_write,
    read_if_present,
    reporting_unwritable,
    write_atomically,
    write_record,
)
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


class RunFolder:
    """A folder that this process owns until it is closed; use it as a context manager.

    Made by `RunFolder.open`.

    Attributes:
        path: of the folder, absolute.
    """

    def __init__(self, path: Path, lock: FileLock):
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Make the folder if there is none, and lock it.

        Raises:
            UsageError: it is a file, cannot be written, or is in use.
        """
        path = path.absolute()
        return cls(path, _lock_folder(path))

    def describe(
        self,
        *,
        name: str,
        config: str,
        operative: str,
        macros: Mapping[str, Any],
        hyperparameters: Mapping[str, Any],
        environment: Mapping[str, Any],
        resumed: bool = False,
    ) -> None:
        """Write down what the run is, before anything else is recorded.

        Args:
            name: stem of the gin file.
            config: the gin file as it was written.
            operative: a gin file with every value of the run.
            macros: final values of the macros.
            hyperparameters: every setting, nested by family and by scope or word.
            environment: what `dsl.records.provenance.describe_environment` returned.
            resumed: whether the run began earlier; its environments then follow each other.

        Raises:
            RecordError: the operative text of a new run cannot be written.
            UnreadableError: the earlier environment cannot be read now.
        """
        experiment = {
            "name": name,
            "macros": _plain_json(macros),
            "hyperparameters": _plain_json(hyperparameters),
        }
        if resumed:
            environment = _with_earlier(self.path / ENVIRONMENT, environment)
        self._write_operative(operative)
        self._write_side_file(CONFIG, config)
        self._write_side_file(EXPERIMENT, _json_text(experiment))
        self._write_side_file(ENVIRONMENT, _json_text(environment))

    def _write_operative(self, text: str) -> None:
        """Write what says which run the folder holds; without any the run could not be resumed."""
        if (self.path / OPERATIVE).exists():
            self._write_side_file(OPERATIVE, text)
        else:
            write_record(self.path / OPERATIVE, text)

    def _write_side_file(self, name: str, text: str) -> None:
        with reporting_unwritable(self.path / name):
            write_atomically(self.path / name, text)

    def close(self) -> None:
        """Release the folder to other processes."""
        self._lock.release()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def find_user(folder: Path) -> str | None:
    """Return which process is using a run's folder, as part of a message; None if it is free."""
    lock = FileLock(folder / LOCK)
    try:
        return lock.holder() if lock.is_held() else None
    except OSError:
        return None  # whoever opens the folder will fail on it too, and say so


def read_environment(folder: Path) -> dict[str, Any]:
    """Return the environment of a run's last process; empty if it was not recorded.

    Raises:
        UnreadableError: it cannot be read now.
    """
    try:
        environment = json.loads(read_if_present(folder / ENVIRONMENT) or b"")
    except ValueError:
        return {}
    return environment if isinstance(environment, dict) else {}


def next_folder(root: Path, stem: str) -> Path:
    """Make and return `root/stem-NNN` with the number after the highest in use.

    Raises:
        UsageError: it cannot be made.
    """
    number = 1 + max(_used_numbers(root, stem), default=0)
    while True:
        path = root / f"{stem}-{number:03d}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1  # another process was quicker
        except OSError as error:
            raise UsageError(_unwritable_message(path, error)) from error
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


def _used_numbers(root: Path, stem: str) -> list[int]:
    pattern = re.compile(re.escape(stem) + r"-(\d+)")
    names = [entry.name for entry in root.iterdir()] if root.is_dir() else []
    return [int(match[1]) for match in map(pattern.fullmatch, names) if match]


def _lock_folder(path: Path) -> FileLock:
    lock = FileLock(path / LOCK)
    try:
        if path.exists() and not path.is_dir():
            raise UsageError(_no_folder_message(path))
        path.mkdir(parents=True, exist_ok=True)
        free = lock.acquire()
    except OSError as error:
        raise UsageError(_unwritable_message(path, error)) from error
    if not free:
        raise UsageError(
            f"{path}: in use by {lock.holder()}. Wait until that run has ended, or choose "
            "another folder with --out."
        )
    return lock


def _with_earlier(path: Path, now: Mapping[str, Any]) -> dict[str, Any]:
    """Add the environments of the processes before this one under `earlier`."""
    before = read_environment(path.parent)
    return {**now, "earlier": [*before.pop("earlier", []), before]} if before else dict(now)


def _no_folder_message(path: Path) -> str:
    return f"{path}: is a file; a run needs a folder. Choose another name with --out."


def _unwritable_message(path: Path, error: OSError) -> str:
    return f"{describe_refused_write(path, error)} {advise_on_write(error)}"


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _plain_json(value: Any) -> Any:
    """Return a value as strict JSON: infinities and NaN as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

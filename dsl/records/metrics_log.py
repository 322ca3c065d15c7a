"""Writes the authoritative record of a run: a line of `metrics.jsonl` per epoch, and pictures."""

import json
import math
import numbers
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dsl.records.durable_files import refusing_unwritable, reporting_unwritable
from dsl.records.run_folder import METRICS, PICTURES, keep_picture

Metrics: TypeAlias = Mapping[str, float | int]


class MetricsLog:
    """Appends each epoch to `metrics.jsonl`, on the disk before `log` returns.

    A number that is not finite is written as null, which every JSON reader accepts.

    Args:
        folder: the run's folder.

    Raises:
        RecordError: the file cannot be opened or written.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / METRICS
        with refusing_unwritable(self._path):
            self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - close() closes it

    def log(self, metrics: Metrics) -> None:
        line = json.dumps({name: _plain_number(value) for name, value in metrics.items()}) + "\n"
        with refusing_unwritable(self._path):
            size = os.fstat(self._file.fileno()).st_size
            try:
                _write_all(self._file.fileno(), line.encode())
                os.fsync(self._file.fileno())
            except OSError:
                os.truncate(self._file.fileno(), size)  # no half line on a full disk
                raise

    def progress(self, env_steps: int) -> None:
        """Do nothing: the record holds whole epochs."""

    def picture(self, name: str, path: Path) -> None:
        with reporting_unwritable(self._folder / PICTURES / f"{name}{path.suffix}"):
            keep_picture(self._folder, name, path)

    def close(self) -> None:
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return every whole epoch in a `metrics.jsonl`, without a line that a crash cut short.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        json.JSONDecodeError: a whole line is not JSON.
    """
    return read_metrics_from(path, 0)[0]


def read_metrics_from(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole epochs after the first `offset` bytes, and the offset of what follows."""
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole)


def describe_gaps(lines: Sequence[Mapping[str, Any]], last: int | None = None) -> str | None:
    """Return which epochs of a record are missing or repeated, as part of a message; None if none.

    Args:
        lines: whole epochs, as `read_metrics` returns them.
        last: number of the last epoch if the run is finished.
    """
    epochs = [line["epoch"] for line in lines]
    count = max([*epochs, -1 if last is None else last], default=-1) + 1
    if repeated := sorted(epoch for epoch, times in Counter(epochs).items() if times > 1):
        return f"has {_listed_epochs(repeated)} more than once"
    if missing := sorted(set(range(count)) - set(epochs)):
        return f"lacks {_listed_epochs(missing)}"
    return None


def _listed_epochs(epochs: Sequence[int]) -> str:
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    if len(epochs) == epochs[-1] - epochs[0] + 1:
        return f"epochs {epochs[0]} to {epochs[-1]}"
    return f"{len(epochs)} epochs, the first of them {epochs[0]},"


def _plain_number(value: float | int) -> float | int | None:
    if isinstance(value, numbers.Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]

"""The runs of a sweep: one for each combination of the values that a gin file lists."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dsl.config import ConfigError, Configuration, load
from dsl.continuation import finished
from dsl.errors import UsageError
from dsl.run_folder import OPERATIVE

FINISHED, BEGUN, WAITING, OTHER = "finished", "begun", "waiting", "other settings"
_ALLOWED = re.compile(r"[^\w.+-]+")


class Point(NamedTuple):
    """One run of a sweep.

    Attributes:
        overrides: `NAME=VALUE` each, as for `--set`.
        folder: of the run.
        operative: every value of the run.
    """

    overrides: list[str]
    folder: Path
    operative: str

    def state(self) -> str:
        """How far it has come, as its folder tells."""
        path = self.folder / OPERATIVE
        if not path.exists():
            return WAITING
        if path.read_text() != self.operative:
            return OTHER
        return BEGUN if finished(self.folder) is None else FINISHED


def points(file: Path, overrides: list[str], root: Path) -> list[Point]:
    """The runs of a sweep, each of them judged; the last name of the grid varies first.

    Args:
        file: the gin file.
        overrides: of all runs.
        root: folder of the runs' folders.

    Raises:
        ConfigError: a combination cannot be; every problem of every combination is named.
        UsageError: nothing varies.
    """
    grid = load(file, overrides).grid
    if not grid:
        raise UsageError(
            f"{file}: nothing varies. Add a line such as sweep.grid = {{'SEED': [0, 1, 2]}}, or "
            f"run it with python -m dsl.run {file}."
        )
    found, problems = [], []
    for chosen in itertools.product(*grid.values()):
        varied = dict(zip(itertools.chain(*grid), itertools.chain(*chosen), strict=True))
        mine = [f"{name}={value}" for name, value in varied.items()]
        try:
            configuration = load(file, [*overrides, *mine])
        except ConfigError as error:
            problems += error.problems
        else:
            found.append(_point(configuration, [*overrides, *mine], root / _name(varied)))
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return found


def _point(configuration: Configuration, overrides: list[str], folder: Path) -> Point:
    return Point(overrides, folder, configuration.operative_text())


def _name(varied: dict[str, str]) -> str:
    return ",".join(_parts(varied))


def _parts(varied: dict[str, str]) -> Iterator[str]:
    """`CRITIC_DEPTH=4`; of a long name the setting, of a value what a file name can hold."""
    short = [name.rpartition(".")[2] for name in varied]
    for name, last in zip(varied, short, strict=True):
        shown = last if short.count(last) == 1 else _ALLOWED.sub("-", name)
        yield f"{shown}={_ALLOWED.sub('-', varied[name]).strip('-')}"

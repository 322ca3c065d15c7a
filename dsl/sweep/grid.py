"""The runs of a sweep: one for each combination of the values that a gin file lists."""

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dsl.errors import UsageError
from dsl.language.configuration import ConfigError, Configuration, load
from dsl.records.resume import finished
from dsl.records.run_folder import OPERATIVE

FINISHED, BEGUN, WAITING, OTHER = "finished", "begun", "waiting", "other settings"
# What a file name should not hold.
_STRANGE = r"[^\w.+-]+"


class Trial(NamedTuple):
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


def without_seed(operative: str) -> str:
    """Every value of a run but its seed."""
    lines = operative.splitlines()
    return "\n".join(line for line in lines if not line.startswith("Experiment.seed = "))


def seeds_together(points: Iterable[Trial]) -> list[list[Trial]]:
    """The points in groups that differ in their seeds alone."""
    groups: dict[str, list[Trial]] = {}
    for point in points:
        groups.setdefault(without_seed(point.operative), []).append(point)
    return list(groups.values())


def points(file: Path, overrides: list[str], root: Path) -> list[Trial]:
    """The runs of a sweep, each of them judged; the last name of the grid varies first.

    Args:
        file: the gin file.
        overrides: of all runs.
        root: folder of the runs' folders.

    Raises:
        ConfigError: a combination cannot be; every problem of every combination is named.
        UsageError: nothing varies, or two combinations have the same folder.
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
    require_own_folders(file, found)
    return found


def require_own_folders(file: Path, points: list[Trial]) -> None:
    """Refuse combinations whose names differ in nothing that a file name can hold.

    Raises:
        UsageError: names the first two.
    """
    owners: dict[Path, Trial] = {}
    for point in points:
        other = owners.setdefault(point.folder, point)
        if other is not point:
            ours, theirs = (" ".join(p.overrides) for p in (point, other))
            raise UsageError(
                f"{file}: sweep.grid: {theirs} and {ours} would share the folder {point.folder}. "
                "Change one of the values, or put it into a sweep of its own."
            )


def _point(configuration: Configuration, overrides: list[str], folder: Path) -> Trial:
    return Trial(overrides, folder, configuration.operative_text())


def _name(varied: dict[str, str]) -> str:
    return ",".join(_parts(varied))


def _parts(varied: dict[str, str]) -> Iterator[str]:
    """`CRITIC_DEPTH=4`; of a long name the setting, of a value what a file name can hold."""
    short = [name.rpartition(".")[2] for name in varied]
    for name, last in zip(varied, short, strict=True):
        shown = last if short.count(last) == 1 else _plain(name)
        yield f"{shown}={_plain(varied[name])}"


def _plain(text: str) -> str:
    """Without quotes and brackets, which are at the ends; the sign of a number stays."""
    inside = re.sub(f"^{_STRANGE}|{_STRANGE}$", "", text)
    return re.sub(_STRANGE, "-", inside)

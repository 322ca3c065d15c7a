"""The trials of a sweep: one for each combination of the values that a gin file lists."""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from dsl.errors import UsageError
from dsl.language.configuration import ConfigError, load
from dsl.language.dump import experiment_identity, operative_settings
from dsl.records.description import describe_experiment, name_of
from dsl.records.durable_files import read_if_present
from dsl.records.resume import find_record_damage, read_finished
from dsl.records.run_folder import OPERATIVE
from dsl.records.same_run import identity_without_seed, list_differences

FINISHED, STARTED, WAITING, OTHER = "finished", "started", "waiting", "other settings"
DAMAGED = "damaged record"
# Bytes; file systems allow 255, of which other files of the run's name need some.
_LONGEST_NAME = 200
_UNSAFE_IN_FILE_NAMES = r"[^\w.+-]+"


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        overrides: `NAME=VALUE` each, as for `--set`.
        folder: the run's folder.
        operative: every value of the run, as gin text.
        description: the rest of what `dsl.records.description.describe_experiment` returned.
    """

    overrides: list[str]
    folder: Path
    operative: str
    description: Mapping[str, Any] = MappingProxyType({})

    def status(self) -> str:
        """Return how far the run has come, according to its folder."""
        path = self.folder / OPERATIVE
        text = read_if_present(path)
        if text is None:
            return WAITING
        if list_differences(text.decode(errors="replace"), self.operative, str(path)):
            return OTHER
        end = read_finished(self.folder)
        if end is None or end.env_steps < self.total_env_steps():
            return STARTED
        return DAMAGED if find_record_damage(self.folder, end) else FINISHED

    def total_env_steps(self) -> int:
        """Return how long the run is asked to be."""
        return _total_of(self.operative)

    def is_extended(self) -> bool:
        """Return whether the run resumes with another length than it had before."""
        if self.status() != STARTED:
            return False
        before = (read_if_present(self.folder / OPERATIVE) or b"").decode(errors="replace")
        return _total_of(before) != self.total_env_steps()


def make_trials(file: Path, overrides: list[str], root: Path) -> list[Trial]:
    """Make and validate every trial of a sweep; the last name of the grid varies fastest.

    Args:
        file: the gin file.
        overrides: settings shared by all trials.
        root: parent of the trials' folders.

    Raises:
        ConfigError: a combination is invalid; names every problem of every combination.
        UsageError: nothing varies, or two combinations are one experiment or have one folder.
    """
    grid = load(file, overrides).grid
    if not grid:
        raise UsageError(
            f"{file}: nothing varies. Add a line such as sweep.grid = {{'SEED': [0, 1, 2]}}, or "
            f"run it with python -m dsl.run {file}."
        )
    names = set(itertools.chain(*grid))
    if fixed := [o for o in overrides if o.partition("=")[0].strip() in names]:
        name, _, value = fixed[0].partition("=")
        raise UsageError(
            f"{file}: sweep.grid varies {name}. To choose among its runs, write "
            f"--set \"sweep.grid={{'{name.strip()}': [{value}]}}\"."
        )
    trials, problems = [], []
    for values in itertools.product(*grid.values()):
        varied = dict(zip(itertools.chain(*grid), itertools.chain(*values), strict=True))
        own = [f"{name}={value}" for name, value in varied.items()]
        settings = [*overrides, *own]
        try:
            description = describe_experiment(load(file, settings), name_of(file))
        except ConfigError as error:
            problems += [_placed_in_grid(p, own, file) for p in error.problems]
        else:
            operative = description.pop("operative")
            trials.append(Trial(settings, root / _folder_name(varied), operative, description))
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    require_distinct_folders(file, trials)
    require_distinct_experiments(file, trials)
    return trials


def _placed_in_grid(problem: str, settings: Iterable[str], file: Path) -> str:
    """Replace the `--set` of a trial, which nobody has written, by the grid of the file."""
    written = (f"--set {setting}: " for setting in settings)
    prefix = next((p for p in written if problem.startswith(p)), None)
    return problem if prefix is None else f"{file}: sweep.grid: {problem.removeprefix(prefix)}"


def require_distinct_folders(file: Path, trials: Iterable[Trial]) -> None:
    """Refuse combinations that a file name cannot tell apart.

    Raises:
        UsageError: names the first two.
    """
    owners: dict[Path, Trial] = {}
    for trial in trials:
        other = owners.setdefault(trial.folder, trial)
        if other is not trial:
            ours, theirs = (" ".join(t.overrides) for t in (trial, other))
            raise UsageError(
                f"{file}: sweep.grid: {theirs} and {ours} would share the folder {trial.folder}. "
                "Change one of the values, or put it into a sweep of its own."
            )


def require_distinct_experiments(file: Path, trials: Iterable[Trial]) -> None:
    """Refuse combinations that mean the same experiment, however they are spelt.

    Raises:
        UsageError: names the first two.
    """
    owners: dict[object, Trial] = {}
    for trial in trials:
        other = owners.setdefault(experiment_identity(trial.operative), trial)
        if other is not trial:
            ours, theirs = (" ".join(t.overrides) for t in (trial, other))
            raise UsageError(
                f"{file}: sweep.grid: {theirs} and {ours} are the same experiment. Remove one."
            )


def group_by_seed(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Group the trials that differ only in their seeds."""
    groups: dict[object, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(identity_without_seed(trial.operative), []).append(trial)
    return list(groups.values())


def _total_of(operative: str) -> int:
    return int(operative_settings(operative)["Experiment.total_env_steps"])


def _folder_name(varied: dict[str, str]) -> str:
    """Return the names and values that vary; a hash takes the place of what is too long."""
    name = ",".join(_name_parts(varied))
    encoded = name.encode()
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(repr(varied).encode()).hexdigest()[:10]
    return f"{encoded[: _LONGEST_NAME - 11].decode(errors='ignore')}~{digest}"


def _name_parts(varied: dict[str, str]) -> Iterator[str]:
    """Yield `SETTING=VALUE` parts such as `CRITIC_DEPTH=4`, without scopes unless ambiguous."""
    short_names = [name.rpartition(".")[2] for name in varied]
    for name, short in zip(varied, short_names, strict=True):
        shown = short if short_names.count(short) == 1 else _safe_name(name)
        yield f"{shown}={_safe_name(varied[name])}"


def _safe_name(text: str) -> str:
    """Drop quotes and brackets at the ends, keep signs, and replace the rest by dashes."""
    inside = re.sub(f"^{_UNSAFE_IN_FILE_NAMES}|{_UNSAFE_IN_FILE_NAMES}$", "", text)
    return re.sub(_UNSAFE_IN_FILE_NAMES, "-", inside)

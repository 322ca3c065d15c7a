"""Writes run folders into an Aim repository, which can be made anew from them at any time."""

import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dsl.records.metrics_log import read_metrics
from dsl.records.restart import is_set_aside
from dsl.records.run_folder import CONFIG, EXPERIMENT, METRICS, OPERATIVE
from dsl.tracking.aim_follower import advice, copy
from dsl.tracking.aim_repository import repository, repository_lock

Say = Callable[[str], None]

_MOST_FAILURES = 5  # a damaged repository fails for every run


def find_runs(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Run folders among the paths and inside them, each once, and what is wrong with the rest."""
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        runs = _runs_in(path.absolute())
        found.update(dict.fromkeys(runs))
        if not runs:
            problems.append(
                f"{path}: there is no run in it." if path.is_dir() else _no_folder(path)
            )
    return list(found), problems


def add_runs(folders: Iterable[Path], root: Path, say: Say, *, rebuild: bool) -> list[str]:
    """Write all that the folders hold into the repository in `root`; what is there is replaced.

    Args:
        folders: run folders.
        root: the folder that holds, or will hold, `.aim`.
        say: receives a line for each run.
        rebuild: move the repository that is there aside and begin a new one.

    Returns:
        What went wrong, one line each; the other runs have been written.
    """
    lock = repository_lock(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = lock.acquire()
    except OSError as error:
        return [f"{root}: cannot be written ({error.strerror})."]
    if not free:
        return [_in_use(root, lock.holder())]
    try:
        if rebuild:
            _move_aside(root, say)
        return _add_all(folders, root, say)
    finally:
        lock.release()


def wrong_with(folder: Path) -> str | None:
    """Why a run cannot be taken from this folder, or None."""
    for name, read in _READERS.items():
        try:
            read(folder / name)
        except FileNotFoundError:
            return f"{folder}: {name} is missing."
        except OSError as error:
            return f"{folder}: {name} cannot be read ({error.strerror})."
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return f"{folder}: {name} is damaged ({type(error).__name__}: {error})."
    return None


def _add_all(folders: Iterable[Path], root: Path, say: Say) -> list[str]:
    problems, failures = [], []
    for folder in folders:
        if problem := wrong_with(folder):
            problems.append(problem)
            continue
        try:
            _add(folder, root)
        # Aim may fail in any way; what it holds is only a view.
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
            failures.append(f"{folder} is not in {repository(root)} ({what}).")
        else:
            epochs = len(read_metrics(folder / METRICS))
            say(f"{folder}: {epochs} epochs in {repository(root)}")
    if len(failures) > _MOST_FAILURES:
        failures[_MOST_FAILURES:] = [f"... nor are {len(failures) - _MOST_FAILURES} others."]
    return problems + failures + ([advice(root)] if failures else [])


def _add(folder: Path, root: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # Aim's own
        copy([folder], root, lambda _: True)


def _runs_in(path: Path) -> list[Path]:
    if (path / EXPERIMENT).is_file():
        return [path]
    found = sorted(experiment.parent for experiment in path.rglob(EXPERIMENT))
    return [folder for folder in found if not is_set_aside(folder)]


def _move_aside(root: Path, say: Say) -> None:
    old = repository(root)
    if not old.exists():
        return
    number = 1
    while (aside := old.with_name(f"{old.name}-old-{number:03d}")).exists():
        number += 1
    old.rename(aside)
    say(f"{old} is now {aside}; remove it when nothing in it is missed.")


def _no_folder(path: Path) -> str:
    return f"{path}: is a file; name a run folder." if path.exists() else f"{path}: is not there."


def _in_use(root: Path, holder: str) -> str:
    return (
        f"{repository(root)}: in use by {holder}, and it has one writer at a time. Try again when "
        "that has ended, or write to another one with --repo."
    )


def _check_experiment(path: Path) -> None:
    described = json.loads(path.read_text())
    for key in ("name", "macros", "hyperparameters"):
        described[key]


def _check_metrics(path: Path) -> None:
    for epoch in read_metrics(path):
        _check_epoch(epoch)


def _check_epoch(epoch: dict[str, Any]) -> None:
    for value in (epoch["env_steps"], epoch["epoch"], *epoch.values()):
        if value is not None:
            float(value)


_READERS: dict[str, Callable[[Path], Any]] = {
    EXPERIMENT: _check_experiment,
    CONFIG: Path.read_text,
    OPERATIVE: Path.read_text,
    METRICS: _check_metrics,
}

"""Adds run folders to an Aim repository, which can be rebuilt from them at any time."""

import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dsl.records.durable_files import UnreadableError, refusing_unreadable
from dsl.records.metrics_log import describe_gaps, read_metrics
from dsl.records.restart import is_set_aside
from dsl.records.resume import read_finished
from dsl.records.run_folder import CONFIG, EXPERIMENT, METRICS, OPERATIVE
from dsl.tracking.aim_copiers import copy_run
from dsl.tracking.aim_repository import rebuild_advice, repository_lock, repository_path

Say = Callable[[str], None]

_MOST_FAILURES = 5  # a damaged repository fails for every run


def find_runs(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Return the run folders among the paths and inside them, each once, and a line per problem."""
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        try:
            with refusing_unreadable(path):
                runs = _runs_in(path.absolute())
        except UnreadableError as error:
            problems.append(str(error))
            continue
        found.update(dict.fromkeys(runs))
        if not runs:
            problems.append(
                f"{path}: there is no run in it." if path.is_dir() else _describe_missing(path)
            )
    return list(found), problems


def add_runs(folders: Iterable[Path], root: Path, say: Say, *, rebuild: bool) -> list[str]:
    """Write everything that the folders hold into the repository in `root`, replacing older copies.

    Args:
        folders: run folders.
        root: the folder that holds, or will hold, `.aim`.
        say: receives a line for each run.
        rebuild: whether to move the present repository aside and begin a new one.

    Returns:
        A line for each problem; the other runs have been written.
    """
    lock = repository_lock(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = lock.acquire()
    except OSError as error:
        return [f"{root}: cannot be written ({error.strerror})."]
    if not free:
        return [_describe_lock(root, lock.holder())]
    try:
        if rebuild:
            _move_aside(root, say)
        return _add_each(folders, root, say)
    finally:
        lock.release()


def find_record_problem(folder: Path) -> str | None:
    """Return why the record in this folder cannot be used, or None."""
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


def _add_each(folders: Iterable[Path], root: Path, say: Say) -> list[str]:
    problems, failures = [], []
    for folder in folders:
        if problem := find_record_problem(folder):
            problems.append(problem)
            continue
        try:
            _add_run(folder, root)
        # Aim may fail in any way; what it holds is only a view.
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
            failures.append(f"{folder} is not in {repository_path(root)} ({what}).")
        else:
            lines = read_metrics(folder / METRICS)
            say(f"{folder}: {len(lines)} epochs in {repository_path(root)}")
            end = read_finished(folder)
            if gaps := describe_gaps(lines, end.epoch if end else None):
                problems.append(f"{folder}: its record {gaps}.")
    if len(failures) > _MOST_FAILURES:
        failures[_MOST_FAILURES:] = [f"... nor are {len(failures) - _MOST_FAILURES} others."]
    return problems + failures + ([rebuild_advice(root)] if failures else [])


def _add_run(folder: Path, root: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # Aim's own
        copy_run(folder, root)


def _runs_in(path: Path) -> list[Path]:
    if (path / EXPERIMENT).is_file():
        return [path]
    found = sorted(experiment.parent for experiment in path.rglob(EXPERIMENT))
    return [folder for folder in found if not is_set_aside(folder)]


def _move_aside(root: Path, say: Say) -> None:
    old = repository_path(root)
    if not old.exists():
        return
    number = 1
    while (aside := old.with_name(f"{old.name}-old-{number:03d}")).exists():
        number += 1
    old.rename(aside)
    say(f"{old} is now {aside}; remove it when you no longer need it.")


def _describe_missing(path: Path) -> str:
    return f"{path}: is a file; name a run folder." if path.exists() else f"{path}: is not there."


def _describe_lock(root: Path, holder: str) -> str:
    return (
        f"{repository_path(root)}: in use by {holder}, and it has one writer at a time. Try again "
        "when that has ended, or choose another repository with --repo."
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

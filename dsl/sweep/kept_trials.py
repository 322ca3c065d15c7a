"""Keeps what a sweep judged when it began: its runs start from that, whatever changes meanwhile."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from dsl.errors import UsageError
from dsl.records.durable_files import (
    advise_on_write,
    describe_refused_write,
    read_if_present,
    write_atomically,
)
from dsl.records.kept_trial import TRIAL, kept_folder, kept_runs
from dsl.records.own_words import read_stored_words, store_words
from dsl.records.run_folder import OPERATIVE
from dsl.records.same_run import join_first_lines, list_differences
from dsl.sweep.grid import Trial


def kept_file(trial: Trial) -> Path:
    """Return the gin file that a trial starts from."""
    return kept_folder(trial.folder) / OPERATIVE


def keep_trials(trials: Sequence[Trial]) -> None:
    """Write down what each trial runs.

    Raises:
        UsageError: it cannot be written.
    """
    for trial in trials:
        file = kept_file(trial)
        description = dict(trial.description)
        words = description.pop("words", {})
        description.pop("hyperparameters", None)  # follow from the operative text
        text = json.dumps({"overrides": trial.overrides, "description": description}, indent=2)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            store_words(file.parent, words)
            write_atomically(file.with_name(TRIAL), text)
            write_atomically(file, trial.operative)
        except OSError as error:
            message = describe_refused_write(file, error)
            raise UsageError(f"{message} {advise_on_write(error)}") from error


def recall_trials(file: Path, trials: Sequence[Trial], say: Callable[[str], None]) -> list[Trial]:
    """Return trials as they were when their sweep began, if its file has changed since then.

    Settings that a run may resume with, such as the total number of steps, are taken from the file
    as it is now.

    Args:
        file: the gin file.
        trials: what it says now.
        say: receives what has changed.

    Raises:
        UsageError: the command line asks for other settings than in the beginning.
        UnreadableError: what was kept cannot be read now.
    """
    root = trials[0].folder.parent
    if not has_begun(root):
        return list(trials)
    recalled, changes = [], {}
    for trial in trials:
        kept = read_kept(trial.folder)
        lines = [] if kept is None else _list_changes(kept, trial)
        if kept is not None and lines and kept.overrides != trial.overrides:
            raise UsageError(
                f"{root}: holds a sweep with other settings (- there, + asked for):\n"
                f"{join_first_lines(lines)}\nGive --out another folder."
            )
        recalled.append(kept if kept is not None and lines else trial)
        changes |= dict.fromkeys(lines)
    if changes:
        say(
            f"{file} has changed since this sweep began. Its runs continue with what was read then "
            f"(- then, + now), which is kept in {kept_file(trials[0]).parent.parent}:\n"
            f"{join_first_lines(list(changes))}\n"
            "To run the changed file, give --out another folder."
        )
    return recalled


def has_begun(root: Path) -> bool:
    """Return whether a run of the sweep has a record."""
    return any((run / OPERATIVE).exists() for run in kept_runs(root))


def read_kept(folder: Path) -> Trial | None:
    """Return the trial that was kept for a run's folder, or None if there is none.

    Raises:
        UnreadableError: it cannot be read now.
    """
    file = kept_folder(folder) / OPERATIVE
    operative, rest = read_if_present(file), read_if_present(file.with_name(TRIAL))
    if operative is None or rest is None:
        return None
    try:
        kept = json.loads(rest)
        description = {**kept["description"], "words": read_stored_words(file.parent)}
        return Trial(list(kept["overrides"]), folder, operative.decode(), description)
    except (ValueError, KeyError, TypeError):
        return None  # somebody has changed it: as if there were none


def _list_changes(kept: Trial, now: Trial) -> list[str]:
    before, after = kept.description["words"], now.description["words"]
    words = [f"  {name}" for name in {**before, **after} if before.get(name) != after.get(name)]
    return [*list_differences(kept.operative, now.operative, str(kept_file(kept))), *words]

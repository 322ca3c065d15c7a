"""Decides whether a folder holds the run that is asked for: which settings must be the same."""

from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path

from dsl.errors import UsageError
from dsl.language.dump import default_identity, experiment_identity, operative_settings
from dsl.language.registry import default_vocabulary
from dsl.records.durable_files import read_if_present, refusing_unreadable
from dsl.records.restart import is_set_aside
from dsl.records.run_folder import ENVIRONMENT, EXPERIMENT, METRICS, OPERATIVE

SEED = "Experiment.seed"
# Settings of the root that change no number of what has been done: a run may resume with others.
MAY_CHANGE = (
    "total_env_steps",
    "film",
    "checkpoint_minutes",
    "checkpoint_epochs",
    "checkpoints_kept",
    "trackers",
)
# How long a learning rate falls follows the length of the run; a run says what it changes.
SCHEDULE_LENGTHS = ("schedule.cosine_decay.decay_steps", "schedule.cosine_decay.decay_share")
_TRACKER_FAMILY = "tracker"
_MOST_SHOWN = 20


def require_same_run(folder: Path, operative: str, say: Callable[[str], None]) -> bool:
    """Return whether the folder holds this run already; False for a folder without any run.

    Args:
        folder: of the run.
        operative: every value of the run that is asked for, as gin text.
        say: receives a line if the run is from before settings were added or renamed.

    Raises:
        UnreadableError: the settings there cannot be read now.
        UsageError: the folder holds another run; shows the settings that differ.
    """
    path = folder / OPERATIVE
    text = read_if_present(path)
    if text is None:
        _refuse_nameless_run(folder)
        _refuse_nested_runs(folder)
        return False
    before = text.decode(errors="replace")
    if not before.strip():
        raise UsageError(
            f"{path}: is empty, so nothing says which run the folder holds. Bring the file back "
            "from a copy, or give --out another folder."
        )
    different = list_differences(before, operative, str(path))
    if different:
        raise UsageError(
            f"{folder}: holds a run with other settings (- there, + asked for):\n"
            + join_first_lines(different)
            + "\nGive --out another folder. A run can be resumed with other values of "
            + f"{', '.join([*MAY_CHANGE, *SCHEDULE_LENGTHS])} only."
        )
    if upgraded := list_upgraded_settings(before, operative, str(path)):
        say(f"{path} describes the same run, but without:\n{join_first_lines(upgraded)}")
    return True


def describe_ignored_changes(folder: Path, operative: str) -> str | None:
    """Say which settings of a finished run are asked for with other values now; None if none is.

    Args:
        folder: of the run.
        operative: every value of the run that is asked for, as gin text.

    Raises:
        UnreadableError: the settings there cannot be read now.
    """
    path = folder / OPERATIVE
    before = (read_if_present(path) or b"").decode(errors="replace")
    different = list_differences(before, operative, str(path), ignored=())
    if not different:
        return None
    return (
        "nothing is left to train, so other settings have no effect (- there, + asked for):\n"
        + join_first_lines(different)
    )


def list_upgraded_settings(before: str, now: str, file: str = OPERATIVE) -> list[str]:
    """Return a line for each setting of `now` that an earlier version did not have in `before`.

    Args:
        before: operative text of a run.
        now: operative text of the same run, as this version writes it.
        file: where the first one is, for messages.

    Raises:
        ConfigError: one of them is not gin text.
    """
    there, here = operative_settings(before, file), operative_settings(now)
    names = {line.split(" = ")[0] for line in before.splitlines()}
    identities = dict(experiment_identity(now))
    added = [
        f"  {s} = {here[s]}, which is its default"
        for s in here
        if s not in there and identities[s] == _default_of(s)
    ]
    renamed = [f"  {s}, under this name" for s in here if s in there and s not in names]
    return [*added, *renamed]


def list_differences(
    before: str, now: str, file: str = OPERATIVE, ignored: Container[str] = MAY_CHANGE
) -> list[str]:
    """Return a line for each side of each setting that two operative texts disagree about.

    A run from before an upgrade stays the same run: old names of settings count as the new ones,
    and a setting that did not exist then counts as its default. Numbers are compared by their
    values: 1 is 1.0.

    Args:
        before: operative text of a run, of this release or an earlier one.
        now: operative text of what is asked for.
        file: where the first one is, for messages.
        ignored: settings of the root that may differ: `trackers` with those of its words,
            `total_env_steps` with the lengths of schedules.

    Raises:
        ConfigError: one of them is not gin text.
    """
    there, here = operative_settings(before, file), operative_settings(now)
    identities = dict(experiment_identity(now))
    changed = {subject for subject, _ in experiment_identity(before) ^ identities.items()}
    added_as_default = {s for s in changed - there.keys() if identities[s] == _default_of(s)}
    return [
        line
        for subject in dict.fromkeys([*there, *here])
        if subject in changed - added_as_default and not _is_ignored(subject, ignored)
        for line in _sides(subject, there, here)
    ]


def identity_without_seed(operative: str) -> frozenset[tuple[str, str]]:
    """Return what the operative texts of runs share that differ in their seeds alone."""
    return frozenset(pair for pair in experiment_identity(operative) if pair[0] != SEED)


def join_first_lines(lines: Sequence[str]) -> str:
    """Join as many lines as a message shows, and `...` for the rest."""
    return "\n".join([*lines[:_MOST_SHOWN], *(["  ..."] if len(lines) > _MOST_SHOWN else [])])


def _sides(subject: str, before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for sign, settings in (("-", before), ("+", now)):
        if subject in settings:
            yield f"  {sign} {subject} = {settings[subject]}"


def _is_ignored(subject: str, ignored: Container[str]) -> bool:
    word, _, setting = subject.rpartition("/")[2].rpartition(".")
    if word.startswith(f"{_TRACKER_FAMILY}."):
        return "trackers" in ignored
    if f"{word}.{setting}" in SCHEDULE_LENGTHS:
        return "total_env_steps" in ignored
    return word == default_vocabulary().root and setting in ignored


def _default_of(subject: str) -> str | None:
    """Return a setting's default as `experiment_identity` shows it; None for unknown settings."""
    vocabulary = default_vocabulary()
    name, _, setting = subject.rpartition("/")[2].rpartition(".")
    word = vocabulary.words.get(name)
    if word is None or setting not in word.settings:
        return None
    return default_identity(word.settings[setting].default, vocabulary)


def _refuse_nested_runs(folder: Path) -> None:
    """Refuse a new run around other runs, or inside of one: each would hide the other."""
    with refusing_unreadable(folder):
        inside = sorted(path.parent for path in folder.glob(f"*/{EXPERIMENT}"))
    if others := [run.name for run in inside if not is_set_aside(run)]:
        raise UsageError(
            f"{folder}: holds other runs, such as {others[0]}. Give --out a folder of its own."
        )
    around = next((p for p in folder.parents[:2] if (p / EXPERIMENT).is_file()), None)
    if around:
        raise UsageError(f"{folder}: is inside of the run {around}. Give --out another folder.")


def _refuse_nameless_run(folder: Path) -> None:
    """Refuse files of a run without the one that says which."""
    with refusing_unreadable(folder):
        found = [name for name in (ENVIRONMENT, METRICS) if (folder / name).exists()]
    if found:
        raise UsageError(
            f"{folder}: holds {', '.join(found)} of a run, but no {OPERATIVE} that says which. "
            "Choose another folder with --out, or omit --out to get the next free one."
        )

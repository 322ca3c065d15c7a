"""Names what a sweep keeps of each of its runs, in SWEEP/.sweep/RUN.

operative.gin   every value of the run
trial.json      its settings of the command line, and the file as it was written
words/          copies of own Python modules
dropped         there if the sweep's grid has lost the run since then
"""

from pathlib import Path

from dsl.records.durable_files import list_if_present

TRIAL = "trial.json"
DROPPED = "dropped"
_KEPT = ".sweep"


def kept_folder(run: Path) -> Path:
    """Return where a sweep keeps what it judged of the run in a folder."""
    return run.parent / _KEPT / run.name


def kept_runs(root: Path) -> list[Path]:
    """Return the folders of the runs of which a sweep has kept something, in order."""
    return sorted(root / entry.name for entry in list_if_present(root / _KEPT))


def is_dropped(run: Path) -> bool:
    """Return whether the run in a folder is no longer part of its sweep."""
    return (kept_folder(run) / DROPPED).exists()

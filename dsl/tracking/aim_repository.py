"""Where an Aim repository lies, who may write it, and which of its runs a run folder is."""

from pathlib import Path

from dsl.records.durable_files import write_atomically
from dsl.records.file_lock import FileLock
from dsl.records.run_folder import AIM_RUNS


def repository(root: Path) -> Path:
    """The Aim repository in a folder; the runs in that folder share it."""
    return root / ".aim"


def repository_lock(root: Path) -> FileLock:
    """The lock of that repository, which corrupts under two writers.

    It lies beside `.aim`, because Aim takes a `.aim` that it did not make for an outdated one.
    """
    return FileLock(root / ".aim.lock")


def known_run(folder: Path, root: Path) -> str | None:
    """Aim's name of the run in this folder, where the repository has it already."""
    chunks = repository(root) / "meta" / "chunks"
    return next((name for name in _names(folder) if (chunks / name).is_dir()), None)


def remember_run(folder: Path, name: str) -> None:
    """Note down Aim's name of the run in this folder.

    There may be several: a repository that was made anew gives a run a new name.

    Raises:
        OSError: the folder cannot be written.
    """
    lines = "".join(f"{known} {folder.name}\n" for known in [*_names(folder), name])
    write_atomically(folder / AIM_RUNS, lines)


def _names(folder: Path) -> list[str]:
    """Aim's names of this run; a copy of the folder under another name is another run."""
    path = folder / AIM_RUNS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = [line.partition(" ") for line in lines]
    return [name for name, _, of in pairs if of == folder.name]

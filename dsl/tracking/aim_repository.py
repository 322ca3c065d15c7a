"""Says where an Aim repository lies, who may write it, and which of its runs a folder is."""

import shlex
from pathlib import Path

from dsl.errors import printable
from dsl.records.durable_files import write_atomically
from dsl.records.file_lock import FileLock
from dsl.records.run_folder import AIM_RUNS


def repository_path(root: Path) -> Path:
    """Return the Aim repository in a folder; the runs in that folder share it."""
    return root / ".aim"


def repository_lock(root: Path) -> FileLock:
    """Return the lock of that repository, which two writers would corrupt.

    It lies beside `.aim`, because Aim treats a `.aim` folder that it did not make as outdated.
    """
    return FileLock(root / ".aim.lock")


def rebuild_advice(root: Path) -> str:
    """Return what to do about a repository that cannot be written."""
    return f"If it is damaged: python -m dsl.track --rebuild {shlex.quote(str(root))}"


def known_run(folder: Path, root: Path) -> str | None:
    """Return Aim's name of the run in this folder if the repository has it, else None."""
    chunks = repository_path(root) / "meta" / "chunks"
    return next((name for name in _recorded_names(folder) if (chunks / name).is_dir()), None)


def remember_run(folder: Path, name: str) -> None:
    """Write down Aim's name of the run in this folder.

    There may be several: a rebuilt repository gives a run a new name.

    Raises:
        OSError: the folder cannot be written.
    """
    of = printable(folder.name)
    lines = "".join(f"{known} {of}\n" for known in [*_recorded_names(folder), name])
    write_atomically(folder / AIM_RUNS, lines)


def _recorded_names(folder: Path) -> list[str]:
    """Return Aim's names of this run; a copy of the folder under another name is another run."""
    path = folder / AIM_RUNS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = [line.partition(" ") for line in lines]
    return [name for name, _, of in pairs if of == printable(folder.name)]

"""Find the gin files that are shipped with the package."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# An installed package holds them; in a checkout they lie beside it.
_PLACES = (_PACKAGE / "experiments", _PACKAGE.parent / "experiments")
EXPERIMENTS = _PLACES[0] if _PLACES[0].is_dir() else _PLACES[1]


def find_experiment(path: Path) -> Path:
    """Return `path` if it exists, else the shipped experiment of that name, else `path`.

    `quickstart.gin` and `experiments/quickstart.gin` both name the shipped file.
    """
    if path.is_absolute() or os.path.exists(path):
        return path
    name = Path(*path.parts[1:]) if path.parts[:1] == ("experiments",) else path
    shipped = EXPERIMENTS / name
    return shipped if os.path.isfile(shipped) else path

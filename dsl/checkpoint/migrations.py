"""Reads what earlier checkpoint formats wrote: renames their arrays to today's names.

The name of an array is its place in the state of a run, so renaming a field of that state renames
arrays on the disk. Every such change adds a pair to `ARRAY_RENAMES`, and runs that began before
it continue.
"""

import re
from collections.abc import Mapping
from typing import Any

# What `disk_format` writes. A new number needs its entry in `ARRAY_RENAMES`.
FORMAT = 2

# By format and file: regular expressions for the beginning of a name in that format, each with
# what replaces it in the next. The first that matches is taken.
ARRAY_RENAMES: dict[int, dict[str, tuple[tuple[str, str], ...]]] = {
    1: {
        "learners": (),
        "buffer": (),
        "rest": (
            (r"state\.lanes\.state\.body\.", "envs.state.physics_state."),
            (r"state\.lanes\.", "envs."),
            (r"state\.", ""),
            (r"sums\.", "metric_sums."),
            (r"broken$", "nonfinite_resets"),
        ),
    }
}


def migrate_arrays(arrays: Mapping[str, Any], part: str, written_format: int) -> dict[str, Any]:
    """Return arrays under the names of the current format.

    Args:
        arrays: by their name in `written_format`.
        part: name of the file that holds them, without its ending.
        written_format: format of the checkpoint, at most `FORMAT`.
    """
    for number in range(written_format, FORMAT):
        renames = ARRAY_RENAMES[number].get(part, ())
        arrays = {_renamed(name, renames): array for name, array in arrays.items()}
    return dict(arrays)


def migrate_manifest(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a manifest with the keys of the current format.

    Format 1 called the metadata `facts` and did not say what wrote it.
    """
    if body["format"] > 1:
        return dict(body)
    return {**body, "metadata": body["facts"], "written_by": {}}


def _renamed(name: str, renames: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in renames:
        if match := re.match(pattern, name):
            return match.expand(replacement) + name[match.end() :]
    return name

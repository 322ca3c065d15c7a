"""A checkpoint on disk: safetensors files and a manifest of their hashes, in a folder.

The folder gets its name when everything in it is on the disk, so that one which has a name is
whole. Nothing in it is ever unpickled or run.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

Arrays = dict[str, np.ndarray]

MANIFEST = "manifest.json"
_FORMAT = 1


class DamagedError(Exception):
    """A checkpoint is not what was written; says which file and why."""


def write(folder: Path, parts: Mapping[str, Arrays], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint, or leave nothing under its name.

    Args:
        folder: its final name, which must be free.
        parts: arrays by name, by the name of the file that holds them.
        facts: plain JSON data to keep beside them.

    Raises:
        OSError: it cannot be written.
    """
    temporary = folder.with_name(f".tmp-{folder.name}")
    discard(temporary)
    try:
        temporary.mkdir(parents=True)
        files = {f"{name}.safetensors": arrays for name, arrays in parts.items()}
        hashes = {name: _write_arrays(temporary / name, part) for name, part in files.items()}
        _write_manifest(temporary / MANIFEST, {"format": _FORMAT, "files": hashes, "facts": facts})
        _sync(temporary)
        os.rename(temporary, folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_facts(folder: Path) -> dict[str, Any]:
    """What was kept beside the arrays.

    Raises:
        DamagedError: the manifest is missing or is not what was written.
    """
    return _read_manifest(folder / MANIFEST)["facts"]


def read(folder: Path, part: str) -> Arrays:
    """The arrays of one part, verified.

    Raises:
        DamagedError: the manifest or the file is missing or is not what was written.
    """
    name = f"{part}.safetensors"
    path, expected = folder / name, _read_manifest(folder / MANIFEST)["files"].get(name)
    try:
        found = _hash(path)
        arrays = safetensors.numpy.load_file(path) if found == expected else None
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except (OSError, SafetensorError) as error:
        raise DamagedError(f"{path} cannot be read ({error})") from error
    if arrays is None:
        raise DamagedError(f"{path} is not what was written (its SHA-256 differs)")
    return arrays


def discard(folder: Path) -> None:
    """Remove a checkpoint; what is left when that is cut short is no checkpoint."""
    if not folder.exists():
        return
    hidden = folder.with_name(f".tmp-old-{folder.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    os.rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _write_arrays(path: Path, arrays: Arrays) -> str:
    try:
        safetensors.numpy.save_file(arrays, path)
    except SafetensorError as error:  # which has no errno
        raise OSError(str(error)) from error
    _sync(path)
    return _hash(path)


def _write_manifest(path: Path, body: dict[str, Any]) -> None:
    text = json.dumps({"body": body, "sha256": _digest(body)}, indent=1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
        body, digest = manifest["body"], manifest["sha256"]
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} cannot be read ({error})") from error
    if digest != _digest(body):
        raise DamagedError(f"{path} is not what was written (its SHA-256 differs)")
    if body["format"] != _FORMAT:
        raise DamagedError(f"{path} has format {body['format']}, this version reads {_FORMAT}")
    return body


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A checkpoint on disk: safetensors files and a manifest of their hashes, in a folder.

The folder gets its name when everything in it is on the disk, so that one which has a name is
whole. Nothing in it is ever unpickled or run. The number of this format is `migrations.FORMAT`.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping
from importlib import metadata as distributions
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from dsl.checkpoint.errors import DamagedError, IncompatibleError
from dsl.checkpoint.migrations import FORMAT, migrate_arrays, migrate_manifest
from dsl.records.durable_files import UnreadableError, refusing_unreadable, sync_path

Arrays = dict[str, np.ndarray]

MANIFEST = "manifest.json"
# Settings of JAX that change the arrays of a state.
_SWITCHES = ("jax_enable_x64", "jax_default_prng_impl")


class Manifest(NamedTuple):
    """What a checkpoint says about itself.

    Attributes:
        format: number of the format that it was written in.
        files: SHA-256 of each file, by its name.
        metadata: plain JSON data kept beside the arrays.
        written_by: versions and JAX settings of the program that wrote it; empty in format 1.
    """

    format: int
    files: dict[str, str]
    metadata: dict[str, Any]
    written_by: dict[str, Any]


def write_checkpoint(
    folder: Path, parts: Mapping[str, Arrays], metadata: Mapping[str, Any]
) -> None:
    """Write a checkpoint, or leave nothing under its name.

    Args:
        folder: its final name, which must be free.
        parts: arrays by name, by the name of the file that holds them.
        metadata: plain JSON data to keep beside them.

    Raises:
        OSError: it cannot be written.
    """
    temporary = folder.with_name(f".tmp-{folder.name}")
    discard_checkpoint(temporary)
    try:
        temporary.mkdir(parents=True)
        files = {f"{name}.safetensors": arrays for name, arrays in parts.items()}
        hashes = {name: _write_arrays(temporary / name, part) for name, part in files.items()}
        manifest = Manifest(FORMAT, hashes, dict(metadata), _this_program())
        _write_manifest(temporary / MANIFEST, manifest._asdict())
        sync_path(temporary)
        os.rename(temporary, folder)
        sync_path(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_manifest(folder: Path) -> Manifest:
    """Return what a checkpoint says about itself, verified.

    Raises:
        DamagedError: the manifest is missing or is not what was written.
        IncompatibleError: this version does not read its format.
        UnreadableError: it cannot be read now.
    """
    path = folder / MANIFEST
    body = _read_body(path)
    number = body.get("format")
    if not isinstance(number, int) or not 1 <= number <= FORMAT:
        raise IncompatibleError(
            f"{path}: is in checkpoint format {number}; this version of kilolayer reads formats 1 "
            f"to {FORMAT}. {compare_programs(body.get('written_by', {}))} Nothing was changed. "
            "Use the version that wrote it."
        )
    body = migrate_manifest(body)
    return Manifest(**{name: body[name] for name in Manifest._fields})


def read_arrays(folder: Path, part: str) -> Arrays:
    """Return the arrays of one part under their current names, verified.

    Raises:
        DamagedError: the manifest or the file is missing or is not what was written.
        IncompatibleError: this version does not read its format.
        UnreadableError: a file cannot be read now.
    """
    name = f"{part}.safetensors"
    path, manifest = folder / name, read_manifest(folder)
    try:
        with refusing_unreadable(path):
            found = _hash_file(path)
    except FileNotFoundError as error:
        raise _missing_file(path) from error
    if found != manifest.files.get(name):
        raise DamagedError(f"{path} is not what was written (its SHA-256 differs)")
    try:
        arrays = safetensors.numpy.load_file(path)
    # All of it was there a moment ago, and right.
    except (OSError, SafetensorError) as error:
        raise UnreadableError(path, str(error)) from error
    return migrate_arrays(arrays, part, manifest.format)


def discard_checkpoint(folder: Path) -> None:
    """Remove a checkpoint; what is left when that is cut short is not a checkpoint."""
    if not folder.exists():
        return
    hidden = folder.with_name(f".tmp-old-{folder.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    os.rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def compare_programs(written_by: Mapping[str, Any]) -> str:
    """Say in a sentence what wrote a checkpoint and what reads it now."""
    here = _this_program()
    there = {**dict.fromkeys(here, "unknown"), **written_by}
    named = ", ".join(f"{name} {there[name]} (here {here[name]})" for name in here)
    return f"It was written with {named}."


def _this_program() -> dict[str, str]:
    return {
        "kilolayer": _version("kilolayer"),
        "jax": jax.__version__,
        **{name.upper(): str(getattr(jax.config, name)) for name in _SWITCHES},
    }


def _version(distribution: str) -> str:
    try:
        return distributions.version(distribution)
    except distributions.PackageNotFoundError:
        return "from a checkout"


def _write_arrays(path: Path, arrays: Arrays) -> str:
    # safetensors writes a private temporary file: keep the mode that the umask gives every other.
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        safetensors.numpy.save_file(arrays, path)
    except SafetensorError as error:  # which has no errno
        raise OSError(str(error)) from error
    path.chmod(mode)
    sync_path(path)
    return _hash_file(path)


def _write_manifest(path: Path, body: dict[str, Any]) -> None:
    text = json.dumps({"body": body, "sha256": _hash_body(body)}, indent=1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read_body(path: Path) -> dict[str, Any]:
    try:
        with refusing_unreadable(path):
            manifest = json.loads(path.read_bytes())
        body, digest = dict(manifest["body"]), manifest["sha256"]
    except FileNotFoundError as error:
        raise _missing_file(path) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is not what was written (it is not a manifest)") from error
    if digest != _hash_body(body):
        raise DamagedError(f"{path} is not what was written (its SHA-256 differs)")
    return body


def _missing_file(path: Path) -> DamagedError | UnreadableError:
    """Tell a file that is gone from one whose folder cannot be read."""
    try:
        names = os.listdir(path.parent)
    except OSError as error:
        return UnreadableError(path, error)
    if path.name in names:
        return UnreadableError(path, "it is listed and cannot be opened")
    return DamagedError(f"{path} is missing")


def _hash_body(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _hash_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Records what explains why two runs of the same file differ."""

import hashlib
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

_SOURCE = Path(__file__).resolve().parents[2]
_PACKAGES = ("dsl", "components")
_DISTRIBUTIONS = (
    *("kilolayer", "jax", "jaxlib", "equinox", "optax", "chex", "jaxtyping", "numpy"),
    *("jumanji", "mujoco", "mujoco-mjx", "gin-config", "aim"),
)
_VARIABLES = ("JAX_", "XLA_", "CUDA_", "NVIDIA_")


def describe_environment(command: Sequence[str]) -> dict[str, Any]:
    """Return versions, device, source revision, host and time of this process, as plain data.

    Args:
        command: the command line that started the run.
    """
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "versions": {name: _distribution_version(name) for name in _DISTRIBUTIONS},
        "device": _describe_device(),
        "variables": {k: v for k, v in sorted(os.environ.items()) if k.startswith(_VARIABLES)},
        "source": _describe_source(),
        "source_sha256": _hash_source(),
    }


def _distribution_version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _describe_device() -> dict[str, str | int]:
    devices = jax.devices()
    first = devices[0]
    return {"platform": first.platform, "kind": first.device_kind, "count": len(devices)}


def _describe_source() -> dict[str, str | bool] | None:
    """Return the revision of the checkout that holds this file, or None without one."""
    top = _run_git("rev-parse", "--show-toplevel")
    # A virtual environment may lie inside another checkout, whose revision says nothing.
    if top is None or Path(top).resolve() != _SOURCE:
        return None
    revision = _run_git("rev-parse", "HEAD")
    changes = _run_git("status", "--porcelain", "--untracked-files=no")
    if revision is None or changes is None:
        return None
    return {"revision": revision, "dirty": bool(changes)}


def _hash_source() -> str:
    """Return the SHA-256 of the project's Python files, which also reveals uncommitted edits."""
    digest = hashlib.sha256()
    for path in sorted(p for name in _PACKAGES for p in (_SOURCE / name).rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run_git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_SOURCE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

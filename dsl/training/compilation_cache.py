"""Keeps compiled programs on the disk, so that the next start of an experiment is short.

They are in `~/.cache/kilolayer/programs`, or under XDG_CACHE_HOME. Once they take 1 GiB, those used
longest ago are removed; JAX_COMPILATION_CACHE_MAX_SIZE sets another number of bytes, -1 no limit.
JAX_COMPILATION_CACHE_DIR names another folder, whose size is the user's business; if it is empty,
nothing is kept.
"""

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import jax

# The programs of an experiment take 2 to 20 MiB. Making room looks at every file, so that a larger
# cache would make each compilation slower.
_LARGEST_CACHE = 2**30


def enable_compilation_cache(say: Callable[[str], None]) -> None:
    """Make JAX keep what it compiles; call it before anything is compiled.

    Args:
        say: receives a line if compiled programs cannot be kept, which stops nothing.
    """
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    folder = str(_default_folder()) if chosen is None else chosen
    if problem := _write_problem(folder):
        say(f"compiled programs are not kept: {folder} cannot be written ({problem}).")
        jax.config.update("jax_compilation_cache_dir", None)
        return
    if chosen is None:
        jax.config.update("jax_compilation_cache_dir", folder)
        # Not in a folder of the user's: JAX fails to make room among programs kept without a limit.
        if "JAX_COMPILATION_CACHE_MAX_SIZE" not in os.environ:
            jax.config.update("jax_compilation_cache_max_size", _LARGEST_CACHE)
    # An experiment is one large program and a hundred small ones, which take their time too.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # A program that cannot be read or written is compiled again.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation")


def describe_cache() -> str:
    """Say where compiled programs are kept, as part of a message; empty if they are not."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    return f" (kept in {folder})" if folder else ""


def _write_problem(folder: str) -> str | None:
    """Return why nothing can be written to a folder; None for places that are not folders."""
    if not folder or "://" in folder:  # off, or a store that JAX knows
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _default_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kilolayer" / "programs"

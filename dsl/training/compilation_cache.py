"""Where compiled programs are kept.

They lie in `~/.cache/kilolayer/xla`, or under XDG_CACHE_HOME, and make the second
start of an experiment short. JAX_COMPILATION_CACHE_DIR names another folder; set to nothing, none.
"""

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import jax


def keep_compiled(say: Callable[[str], None]) -> None:
    """Have JAX keep what it compiles; before anything is compiled.

    Args:
        say: receives a line where compiled programs cannot be kept, which stops nothing.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = _default_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            say(f"compiled programs are not kept: {folder} cannot be written ({error.strerror}).")
            return
        jax.config.update("jax_compilation_cache_dir", str(folder))
    # An experiment is one large program and a hundred small ones, which take their time too.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # A program that cannot be read or written is compiled, and that is all.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation")


def kept_in() -> str:
    """Where compiled programs are kept, to be said; empty where they are not."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    return f" (kept in {folder})" if folder else ""


def _default_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kilolayer" / "xla"

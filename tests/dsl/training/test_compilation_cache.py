"""Compiled programs are kept, each case in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
from dsl.training.compilation_cache import enable_compilation_cache, describe_cache
enable_compilation_cache(print)
import jax
jax.jit(lambda x: x + 1)(1)
print(describe_cache())
"""


def started(**variables):
    """What a process prints that has these variables."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "XDG_"))}
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(
        command, cwd=ROOT, env=clean | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_programs_are_kept_in_the_users_cache(tmp_path):
    folder = tmp_path / "kilolayer" / "programs"
    assert started(XDG_CACHE_HOME=str(tmp_path)) == [f" (kept in {folder})"]
    assert any(folder.iterdir())


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    for name in ("XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        refused, kept = started(**{name: str(tmp_path / "file")})
        assert refused.startswith("compiled programs are not kept: ")
        assert kept == ""

"""What JAX is told before it starts, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import os, sys
os.sched_setaffinity(0, eval(sys.argv[1]))
from dsl.jax_setup import kept_in, prepare
prepare(print)
import jax
print(f"{jax.device_count()} devices{kept_in()}")
jax.jit(lambda x: x + 1)(1)
"""


CORES = sorted(os.sched_getaffinity(0))


def started(cores=1, **variables):
    """What a process prints that may use so many cores and has these variables."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "XDG_"))}
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(CORES[:cores])]
    done = subprocess.run(
        command, cwd=ROOT, env=clean | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_programs_are_kept_in_the_users_cache(tmp_path):
    folder = tmp_path / "kilolayer" / "xla"
    assert started(XDG_CACHE_HOME=str(tmp_path)) == [f"1 devices (kept in {folder})"]
    assert any(folder.iterdir())


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    refused, devices = started(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert refused.startswith("compiled programs are not kept: ")
    assert devices == "1 devices"


@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
def test_every_core_is_a_device_unless_the_user_says_otherwise():
    nothing_kept = {"JAX_COMPILATION_CACHE_DIR": ""}
    assert started(2, **nothing_kept) == ["2 devices"]
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=3"}
    assert started(2, **nothing_kept, **flags) == ["3 devices"]

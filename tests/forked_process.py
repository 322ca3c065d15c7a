"""What the processes of `forked_commands.py` are forked with, and what they do.

Libraries that start JAX are missing: it has threads then, and a process with threads cannot be
forked.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

import chex  # noqa: F401
import equinox  # noqa: F401
import gin  # noqa: F401
import jax
import matplotlib.pyplot  # noqa: F401
import mujoco  # noqa: F401
import optax  # noqa: F401
import trimesh  # noqa: F401


def execute(
    code: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    stderr: Connection,
) -> None:
    """Become what `python -c code` with these arguments would be."""
    os.dup2(stderr.fileno(), sys.stderr.fileno())
    stderr.close()
    os.environ.clear()
    os.environ.update(environment)
    jax.config.update("jax_num_cpu_devices", int(environment["JAX_NUM_CPU_DEVICES"]))
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv[:] = ["-c", *arguments]
    os.chdir(folder)
    exec(code, {"__name__": "__main__"})

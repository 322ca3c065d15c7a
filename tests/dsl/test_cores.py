"""Every core of a CPU at work, each as a device."""

import os
import subprocess
import sys

import pytest

# Large enough for jaxlib to share each batch out among the threads of its pool.
FACTORISE = """
from dsl.cores import use_every_core
use_every_core()
import jax, jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
devices = jax.devices()
split = NamedSharding(Mesh(devices, ("devices",)), PartitionSpec("devices"))
matrices = jnp.eye(14, dtype=jnp.float32)[None] * jnp.full((2048 * len(devices), 1, 1), 4.0)
parts = lambda x: [jnp.linalg.cholesky(k * k * x) / k for k in (1.0, 2.0, 3.0, 4.0)]
step = lambda x, _: (sum(parts(x)) / 2.0, None)  # four at once, of which none waits for another
run = jax.jit(lambda x: jax.lax.scan(step, x, None, length=300)[0])
print(len(devices), float(run(jax.device_put(matrices, split))[-1, -1, -1]))
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_devices_that_all_factorise_do_not_wait_for_each_other():
    cores = len(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", FACTORISE], capture_output=True, text=True, timeout=90, check=True
    )
    assert done.stdout.split() == [str(cores), "4.0"]

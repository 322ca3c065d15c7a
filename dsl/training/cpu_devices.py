"""The cores of a CPU as devices."""

import contextlib
import os

import jax


def use_every_core() -> None:
    """Make each CPU core that this process may use a device, unless the user has said how many.

    Before JAX starts. `taskset -c 0` leaves one.
    """
    chosen = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not chosen and jax.config.values["jax_num_cpu_devices"] < 0:
        # Refused where JAX has started: whoever started it has chosen.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

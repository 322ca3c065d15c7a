"""Makes the cores of a CPU devices of JAX."""

import contextlib
import os

import jax

from components.cpu_cores import available_cores


def use_every_core() -> None:
    """Make each CPU core that this process may use a device, unless the user has chosen a number.

    Call it before JAX starts. `taskset -c 0` leaves one core.
    """
    chosen = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not chosen and jax.config.values["jax_num_cpu_devices"] < 0:
        # Refused once JAX has started: whoever started it has chosen.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", len(available_cores()))

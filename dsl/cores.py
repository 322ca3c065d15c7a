"""The cores of a CPU as devices."""

import contextlib
import os

import jax

# Threads of the pool that all CPU devices share; jaxlib reads it once, when it starts.
_POOL = "PJRT_NPROC"
_LAPACK_WITHOUT_POOL = (0, 11, 2)
# By one device: a step and a reset factorise several matrices each.
_CALLS_AT_ONCE = 8


def use_every_core() -> None:
    """Make each CPU core that this process may use a device, unless the user has said how many.

    Before JAX starts. `taskset -c 0` leaves one.
    """
    spare_threads()
    chosen = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not chosen and jax.config.values["jax_num_cpu_devices"] < 0:
        # Refused where JAX has started: whoever started it has chosen.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))


def spare_threads() -> None:
    """Give jaxlib more threads than there are cores, unless the user has said how many.

    A batched LAPACK call hands shares of its batch to the pool and waits for them in a thread of
    that pool. Where all its threads wait so, as they may in the Cholesky factorisations of MJX,
    nobody is left to do the work: it hangs. jaxlib 0.11.2 has no such calls.
    """
    if jax.__version_info__ < _LAPACK_WITHOUT_POOL:
        cores = len(os.sched_getaffinity(0))
        os.environ.setdefault(_POOL, str(cores * (1 + _CALLS_AT_ONCE)))

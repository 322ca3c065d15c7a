"""Settings of the whole suite: strict types, no silent promotion, warnings are errors."""

import gc
import os
import signal
import tempfile
from importlib.metadata import version
from pathlib import Path

from jaxtyping import install_import_hook

# Shared by the workers and by the processes that tests start: what one has compiled, no other does.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _CACHE = tempfile.TemporaryDirectory(prefix="compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _CACHE.name

# Half the time to compile; later versions have no such flags.
if version("jaxlib").startswith("0.10."):
    _FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_FLAGS}"

# An interpreted GPU kernel blocks as many of XLA's threads as it has warpgroups.
os.environ.setdefault("NPROC", "4")

# The shell has a job under `nohup` or in the background ignore these, and so would runs.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before the first import of the package: every annotation of shape and type is checked at run time.
install_import_hook("components", "typechecker.check")

import jax  # noqa: E402
import pytest  # noqa: E402

# One device, whatever the machine has; several are tested in `dsl/loop/test_sharding.py`.
jax.config.update("jax_num_cpu_devices", 1)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
# A hundred small programs take their time too.
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
_MANY_MAPPINGS = 40_000


def pytest_collection_finish():
    """Look for garbage less often, and never among what is imported: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.fixture
def key():
    """A fixed random key."""
    return jax.random.key(0)


@pytest.fixture(scope="module")
def quickly_compiled():
    """For what takes far longer to compile than to run."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _few_mappings():
    """Each compiled program takes memory mappings; Linux ends a process that has some 65,000."""
    yield
    if len(Path("/proc/self/maps").read_bytes().splitlines()) > _MANY_MAPPINGS:
        jax.clear_caches()

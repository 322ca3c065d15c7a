"""Settings of the whole suite: strict types, no silent promotion, warnings are errors."""

import os

from jaxtyping import install_import_hook

# Tests leave nothing in the user's cache, unless a cache is named.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", "")

# Before the first import of the package: every annotation of shape and type is checked at run time.
install_import_hook("components", "typechecker.check")

import jax  # noqa: E402
import pytest  # noqa: E402

# One device, whatever the machine has; what several devices do is tested in `dsl/test_devices.py`.
jax.config.update("jax_num_cpu_devices", 1)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    """A fixed random key."""
    return jax.random.key(0)

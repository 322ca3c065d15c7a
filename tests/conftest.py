"""Settings of the whole suite: strict types, no silent promotion, warnings are errors."""

from jaxtyping import install_import_hook

# Before the first import of the package: every annotation of shape and type is checked at run time.
install_import_hook("components", "typechecker.check")

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    """A fixed random key."""
    return jax.random.key(0)

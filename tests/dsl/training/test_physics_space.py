"""A run whose physics had too little space stops, and says what to set."""

import jax
import jax.numpy as jnp
import pytest

from components.environments.core.physics.warp_buffers import Sizes
from components.environments.core.physics.warp_overflow import report_overflow
from dsl.errors import UsageError
from dsl.training.physics_space import require_space


def test_too_little_space_stops_a_run_once_and_names_the_setting():
    report = jax.jit(lambda flags: report_overflow(flags, Sizes(3, 5)))
    report(jnp.asarray([0, 0], jnp.int32))
    require_space()
    report(jnp.asarray([0, 1], jnp.int32))
    with pytest.raises(
        UsageError,
        match=r"space for 5 constraint rows, too few for 1 of 2 .*max_constraints = 10\.$",
    ):
        require_space()
    require_space()

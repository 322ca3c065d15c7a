"""Where episodes start and what they are to reach: samplers shared by the tasks."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray


def choose(key: PRNGKeyArray, rows: np.ndarray) -> Float[Array, " d"]:
    """One row of `rows` (k, d), each equally likely."""
    index = jax.random.randint(key, (), 0, len(rows))
    return jnp.asarray(rows, jnp.float32)[index]


def on_circle(key: PRNGKeyArray, radius: float) -> Float[Array, "2"]:
    """A point on the circle of this radius (metres) around the origin, angle uniform."""
    angle = jax.random.uniform(key, (), jnp.float32, 0.0, 2 * np.pi)
    return jnp.float32(radius) * jnp.stack([jnp.cos(angle), jnp.sin(angle)])

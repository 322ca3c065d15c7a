"""Modules with random numbers in every array, made without compiling their initialisation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def filled(build, seed=0):
    """`build(key=...)` by shape only, each array then drawn from N(0, 1/4) as float32.

    Biases, scales and offsets count too, and a test need not wait for random weights to compile.
    """
    shapes = eqx.filter_eval_shape(lambda key: build(key=key), jax.random.key(0))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda a: jnp.asarray(rng.standard_normal(a.shape) / 2, a.dtype), shapes)

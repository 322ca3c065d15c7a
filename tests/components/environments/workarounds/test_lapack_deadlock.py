"""LAPACK in parts: the same numbers, and no waiting for ever."""

import os
import subprocess
import sys
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import linalg

from components.environments.workarounds.lapack_deadlock import cholesky, triangular_solve

# Batches large enough for jaxlib to share each out among the threads of its pool, and several calls
# at once of which none waits for another.
ON_EVERY_CORE = """
from dsl.training.cpu_devices import use_every_core
from components.environments.workarounds.lapack_deadlock import factorise_in_parts
use_every_core()
factorise_in_parts()
import jax, jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec
def both(x, k):
    factor = jnp.linalg.cholesky(k * k * x) / k
    ones = jnp.ones((len(x), 14, 1))
    return factor + jax.lax.linalg.triangular_solve(factor, ones, left_side=True, lower=True)
def step(x, _):
    return sum(both(x, k) for k in (1.0, 2.0, 3.0, 4.0))[:, :, :1] * jnp.eye(14) / 2.5, None
def share(x):
    return jax.lax.scan(step, x, None, length=30)[0]
mesh, split = Mesh(jax.devices(), ("devices",)), PartitionSpec("devices")
run = jax.shard_map(share, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
matrices = jnp.eye(14)[None] * jnp.full((4096 * mesh.size, 1, 1), 4.0)
print(mesh.size, float(jax.jit(run)(matrices)[-1, 0, 0]))
"""
# One number; one call; whole parts; parts and a rest; parts of one matrix each.
SHAPES = [(3, 1), (5,), (3, 4), (100, 20), (3, 40, 20), (2, 90)]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_devices_that_all_call_lapack_do_not_wait_for_each_other():
    cores = len(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", ON_EVERY_CORE],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert done.stdout.split() == [str(cores), "4.0"]


def definite(shape):
    """Positive definite matrices."""
    *batch, size = shape
    draws = np.random.default_rng(0).normal(size=(*batch, size, size))
    return draws @ np.swapaxes(draws, -1, -2) + size * np.eye(size)


@pytest.mark.parametrize("shape", SHAPES)
def test_factors_are_those_of_numpy(shape):
    matrices = definite(shape)
    factors = jnp.tril(jax.jit(cholesky)(jnp.asarray(matrices, jnp.float32)))
    np.testing.assert_allclose(factors, np.linalg.cholesky(matrices), atol=1e-4)


def test_a_matrix_without_a_factor_is_nan_and_leaves_the_others_alone():
    matrices = jnp.stack([4.0 * jnp.eye(20)] * 119 + [-jnp.eye(20)])
    factors = cholesky(matrices)
    assert np.isnan(factors[-1]).any()
    np.testing.assert_array_equal(factors[:-1], 2.0 * jnp.stack([jnp.eye(20)] * 119))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("columns", [1, 3])
def test_solutions_of_triangular_systems(shape, columns):
    factors = np.linalg.cholesky(definite(shape))
    right = np.random.default_rng(1).normal(size=(*shape, columns))
    a, b = jnp.asarray(factors, jnp.float32), jnp.asarray(right, jnp.float32)
    for left, transposed in product((True, False), repeat=2):
        op = np.swapaxes(factors, -1, -2) if transposed else factors
        given, expected = (
            (b, np.linalg.solve(op, right))
            if left
            else (
                jnp.swapaxes(b, -1, -2),
                np.swapaxes(np.linalg.solve(np.swapaxes(op, -1, -2), right), -1, -2),
            )
        )
        settings = {"left_side": left, "lower": True, "transpose_a": transposed}
        rest = {"conjugate_a": False, "unit_diagonal": False}
        found = triangular_solve(a, given, **settings, **rest)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        # Of what JAX has besides: an upper triangle, ones on the diagonal.
        upper = {"left_side": left, "lower": False, "transpose_a": transposed}
        ones = {"conjugate_a": False, "unit_diagonal": True}
        other = triangular_solve(a.mT / 9, given, **upper, **ones)
        same = linalg.triangular_solve(a.mT / 9, given, **upper, unit_diagonal=True)
        np.testing.assert_allclose(other, same, atol=1e-4)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("conjugated", [True, False])
def test_complex_systems_of_others_in_the_process_stay_right(transposed, conjugated):
    real, imaginary, right = np.random.default_rng(2).normal(size=(3, 200, 20, 20))
    a = np.tril(real + 1j * imaginary) + 20 * np.eye(20)
    op = np.swapaxes(a, -1, -2) if transposed else a
    op = op.conj() if conjugated else op
    found = triangular_solve(
        *(jnp.asarray(a, jnp.complex64), jnp.asarray(right, jnp.complex64)),
        left_side=True,
        lower=True,
        transpose_a=transposed,
        conjugate_a=conjugated,
        unit_diagonal=False,
    )
    np.testing.assert_allclose(found, np.linalg.solve(op, right), atol=1e-4)
    matrices = a @ np.swapaxes(a, -1, -2).conj()
    factors = jnp.tril(cholesky(jnp.asarray(matrices, jnp.complex64)))
    np.testing.assert_allclose(factors, np.linalg.cholesky(matrices), atol=1e-3)

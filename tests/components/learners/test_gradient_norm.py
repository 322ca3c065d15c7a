"""The norm of a gradient against NumPy, and the number of its sums for a GPU."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from components.learners import gradient_norm as module
from components.learners.gradient_norm import clip_by_gradient_norm, gradient_norm
from components.target_devices import tracing_for


class GPU:
    """A device that programs are traced for and nothing runs on."""

    platform = "gpu"


def gradient(arrays=5):
    rng = np.random.default_rng(0)
    shapes = [(7, 3, 5), (5,), (), (2, 9), (4, 4)][:arrays]
    return {str(i): rng.standard_normal(shape, np.float32) for i, shape in enumerate(shapes)}


def on_gpu(function, *args):
    """Trace for a GPU, run here."""
    with tracing_for([GPU()]):
        traced = jax.jit(function).trace(*args)
    return jax.core.eval_jaxpr(traced.jaxpr.jaxpr, traced.jaxpr.consts, *jax.tree.leaves(args))[0]


def test_norm_of_all_arrays(monkeypatch):
    monkeypatch.setattr(module, "_SMALL", 50)  # the first of the arrays is larger
    tree = gradient()
    squared = sum(float(np.sum(np.float64(a) ** 2)) for a in tree.values())
    for found in (gradient_norm(tree), on_gpu(gradient_norm, tree)):
        assert found.shape == ()
        np.testing.assert_allclose(found, np.sqrt(squared), rtol=1e-6)


def test_on_a_cpu_it_is_that_of_optax_to_the_last_bit():
    tree = jax.tree.map(jnp.asarray, gradient())
    np.testing.assert_array_equal(gradient_norm(tree), optax.tree.norm(tree))
    np.testing.assert_array_equal(gradient_norm({}), 0)


def test_a_gpu_sums_once_however_many_arrays_there_are():
    def sums(arrays):
        with tracing_for([GPU()]):
            return str(jax.make_jaxpr(gradient_norm)(gradient(arrays))).count("reduce_sum[")

    assert sums(2) == sums(5) == 1


def test_clipping_is_that_of_optax():
    tree = jax.tree.map(jnp.asarray, gradient())
    for limit in (0.5, 1e3):
        ours, theirs = clip_by_gradient_norm(limit), optax.clip_by_global_norm(limit)
        found, state = ours.update(tree, ours.init(tree))
        expected, other = theirs.update(tree, theirs.init(tree))
        assert state == other
        assert all(map(np.array_equal, jax.tree.leaves(found), jax.tree.leaves(expected)))

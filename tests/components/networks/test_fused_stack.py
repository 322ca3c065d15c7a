"""Whole networks as kernels, interpreted, and in plain JAX: both against float64."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.networks import ResidualMLP
from components.networks.fused_stack import padded_size
from components.networks.residual_blocks import PackedBlocks
from components.networks.residual_network import residual_network
from components.networks.residual_stack import apply_to_example
from components.networks.stack_form import EPSILON, StackForm

pytestmark = pytest.mark.usefixtures("quickly_compiled")
NETS = 2
# Swish with LayerNorm and without, the other activations, every skip, every precision, and inputs
# and outputs that are computed in one part and in two.
SETTINGS = [
    ("swish", True, 4, "float32", 16, 32),
    ("swish", True, 2, "bfloat16", 32, 16),
    ("relu", False, 4, "float32", 64, 16),
    ("gelu", True, 1, "float32", 512, 16),
    ("swish", False, 0, "tf32x3", 16, 512),
]


def made(name, normalise, skip_every, precision, inputs, outputs, layers=4, width=64):
    """A form, and of two networks x of 20 examples, parameters, and a direction."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal((NETS, *shape), np.float32)  # noqa: E731
    count = 3 if normalise else 1
    vectors, first = 0.1 * draw(layers, count, width), 0.1 * draw(count, width)
    vectors[:, :, 1:2] += 1
    first[:, 1:2] += 1
    parameters = (
        draw(layers, width, width) / np.float32(np.sqrt(width)),
        vectors,
        draw(inputs, width) / np.float32(np.sqrt(inputs)),
        *(first[:, i] for i in range(count)),
        draw(width, outputs) / np.float32(np.sqrt(width)),
        draw(outputs),
    )
    ends = "float32" if precision == "bfloat16" else precision
    form = StackForm(getattr(jax.nn, name), skip_every, 0.5, precision, fused=True, ends=ends)
    return form, (draw(20, inputs), parameters, draw(20, outputs))


def one_layer(h, weight, vectors, activation):
    """A layer as its definition."""
    vectors = [vector[None] for vector in vectors]
    h = h @ weight + vectors[0]
    if len(vectors) == 3:
        spread = jnp.sqrt(jnp.var(h, axis=1, keepdims=True) + EPSILON)
        h = (h - jnp.mean(h, axis=1, keepdims=True)) / spread * vectors[1] + vectors[2]
    return activation(h)


def layer_by_layer(x, *parameters, form):
    """One network as its definition."""
    weights, vectors, first, *first_vectors, last, bias = parameters
    h = skip = one_layer(x, first, first_vectors, form.activation)
    for i, (w, v) in enumerate(zip(weights, vectors, strict=True)):
        h = one_layer(h, w, v, form.activation)
        if form.skip_every and (i + 1) % form.skip_every == 0:
            h = skip = skip + form.branch_scale * h
    return h @ last + bias[None]


def of_batch(x, *parameters, form):
    """One network over a batch."""
    return jax.vmap(lambda x: apply_to_example(x, parameters, form))(x)


def outputs_and_gradients(network, form, arrays):
    """Of both networks: output, and gradients by input and parameters along a direction."""

    def run(x, parameters, direction):
        y, pull = jax.vjp(jax.vmap(functools.partial(network, form=form)), x, *parameters)
        return y, *pull(direction)

    return [np.asarray(a) for a in jax.jit(run)(*arrays)]


def exactly(form, arrays):
    """As `outputs_and_gradients`, in float64."""
    with jax.enable_x64(True):
        return outputs_and_gradients(layer_by_layer, form, jax.tree.map(np.float64, arrays))


def error(found, exact):
    """Relative, L2."""
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.filterwarnings("ignore:kernel=")
def test_fused_values_and_gradients_are_as_exact_as_plain_ones(settings):
    form, arrays = made(*settings)
    exact = exactly(form, arrays)
    plain = outputs_and_gradients(of_batch, form, arrays)
    ours = outputs_and_gradients(of_batch, form._replace(interpret=True), arrays)
    is_half = form.precision == "bfloat16"
    for a, b, c in zip(ours, plain, exact, strict=True):
        assert a.dtype == b.dtype == np.float32
        assert error(b, c) < (0.02 if is_half else 2e-6)
        # Gradients of single vectors round by chance: a third more in bfloat16.
        assert error(a, c) < (1.3 if is_half else 1.1) * error(b, c) + 1e-8


# Interpreted, a kernel copies its arrays at each store: the time grows with the layers' square.
@pytest.mark.parametrize("layers", [64, pytest.param(1024, marks=pytest.mark.slow)])
def test_fused_gradient_of_many_layers_is_finite(layers):
    form, arrays = made("swish", True, 4, "float32", 16, 16, layers=layers)
    form = form._replace(interpret=True, branch_scale=1.0)
    found = outputs_and_gradients(of_batch, form, arrays)
    chex.assert_tree_all_finite(found)
    assert all(map(np.any, found))


def test_a_frozen_network_has_the_gradient_by_its_input():
    form, (x, parameters, direction) = made(*SETTINGS[0])
    form = form._replace(interpret=True)
    _, whole, *_ = outputs_and_gradients(of_batch, form, (x, parameters, direction))
    run = lambda x, *p: jax.vmap(functools.partial(of_batch, form=form))(x, *p)  # noqa: E731
    frozen = jax.jit(lambda x, d: jax.vjp(lambda x: run(x, *parameters), x)[1](d)[0])
    np.testing.assert_allclose(frozen(x, direction), whole, rtol=1e-5, atol=1e-6)


def test_a_stack_alone():
    form, (_, (weights, vectors, *_), x) = made("swish", True, 4, "float32", 16, 64)
    plain = form._replace(fused=False, ends=None)
    fused = form._replace(ends=None, interpret=True)
    ours, theirs = (
        outputs_and_gradients(of_batch, form, (x, (weights, vectors), x)) for form in (fused, plain)
    )
    assert len(ours) == 4
    for a, b in zip(ours, theirs, strict=True):
        assert error(a, b) < 2e-6


def test_sizes_that_kernels_take():
    sizes = {1: 16, 16: 16, 17: 32, 37: 64, 256: 256, 257: 512, 600: 1024}
    assert {size: padded_size(size) for size in sizes} == sizes


def test_any_numbers_of_inputs_and_outputs():
    network = filled(functools.partial(ResidualMLP, 64, 4, in_size=5, out_size=3))
    blocks = PackedBlocks(network.blocks)
    form = StackForm(jax.nn.swish, 4, 1.0, "float32", fused=True, ends="float32", interpret=True)

    def loss(first, blocks, last, x):
        return jnp.sum(jnp.sin(residual_network(x, first, blocks, last, form)))

    def scanned(network, x):
        return jnp.sum(jnp.sin(network(x)))

    x = jnp.linspace(-1, 1, 5, dtype=jnp.float32)
    by_parts = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))
    first, packed, last, by_x = by_parts(network.input, blocks, network.output, x)
    theirs, their_x = jax.jit(jax.grad(scanned, argnums=(0, 1)))(network, x)
    ours = jax.tree.leaves((first, packed.stacked(), last, by_x))
    expected = jax.tree.leaves((theirs.input, theirs.blocks, theirs.output, their_x))
    for a, b in zip(ours, expected, strict=True):
        assert a.shape == b.shape
        assert error(a, b) < 1e-4

"""Stacks with a derivative of their own: against the scan, under maps, and what they refuse."""

import functools
import re

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.constraints import SettingError
from components.networks import ResidualMLP, StableResidualMLP, plain_stack, residual_stack
from components.networks.layers import Block
from components.networks.residual_blocks import PackedBlocks
from components.networks.stack_form import StackForm, chosen_precision
from components.target_devices import tracing_for

NETS = 2


def made(layers=8, width=64):
    """A form, and arrays of two stacks with 20 examples: input, weights, vectors, direction."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal((NETS, *shape), np.float32)  # noqa: E731
    vectors = 0.1 * draw(layers, 3, width)
    vectors[:, :, 1:2] += 1
    weights = draw(layers, width, width) / np.float32(np.sqrt(width))
    form = StackForm(jax.nn.swish, 4, 0.5, "float32")
    return form, (draw(20, width), weights, vectors, draw(20, width))


@pytest.mark.parametrize("keep", ["dense_outputs", "block_inputs"])
@pytest.mark.parametrize("fused", [False, True])
def test_unrolled_plain_form_equals_the_scanned_one(keep, fused):
    form, arrays = made(width=8)
    x, weights, vectors, direction = map(jnp.asarray, arrays)
    form = form._replace(keep=keep, fused=fused)

    def run(unrolled):
        y, saved = plain_stack.forward(x, weights, vectors, form, unrolled)
        assert len(saved) == len(form.saved_axes)
        return y, *plain_stack.backward(direction, weights, vectors, saved, form, True, unrolled)

    unrolled = jax.jit(run, static_argnums=0)(True)
    chex.assert_trees_all_close(unrolled, run(False), rtol=1e-4, atol=1e-5)


def small(kind=ResidualMLP, width=8, kernel="auto", **settings):
    """A small network; all of one kind and width have the same parameters."""
    build = functools.partial(kind, width, 8, in_size=5, out_size=3, **settings)
    network = filled(build)
    if kernel == "auto":
        return network
    parts = lambda n: (n.input, n.blocks, n.output)  # noqa: E731
    other = eqx.filter_eval_shape(lambda key: build(kernel=kernel, key=key), jax.random.key(0))
    values = network.input, PackedBlocks(network.blocks), network.output
    return eqx.tree_at(parts, other, values)


def stacked_arrays(tree):
    """The arrays of a tree, of packed blocks as if they were stacked."""
    is_packed = lambda node: isinstance(node, PackedBlocks)  # noqa: E731
    stack = lambda node: node.stacked() if is_packed(node) else node  # noqa: E731
    return jax.tree.leaves(jax.tree.map(stack, tree, is_leaf=is_packed))


def loss(network, x):
    """One number of one example."""
    return jnp.sum(jnp.sin(network(x)))


def batch_loss(network, xs):
    """The same of a batch."""
    return jnp.sum(jax.vmap(functools.partial(loss, network))(xs))


def assert_close(ours, theirs):
    """Compare the arrays alone: the networks that they are gradients of differ in a setting."""
    arrays = stacked_arrays(ours), stacked_arrays(theirs)
    chex.assert_trees_all_close(*arrays, rtol=2e-4, atol=2e-5)


XS = jnp.linspace(-1, 1, 35, dtype=jnp.float32).reshape(7, 5)


@pytest.mark.parametrize("skip_every", [4, 2, 1, 0])
@pytest.mark.parametrize("keep", ["dense_outputs", "block_inputs"])
def test_networks_have_the_gradient_of_scanned_ones(skip_every, keep):
    gradient = jax.jit(jax.grad(batch_loss))
    settings = {"skip_every": skip_every, "keep": keep}
    assert_close(gradient(small(kernel="xla", **settings), XS), gradient(small(**settings), XS))


def test_stable_networks_do_too():
    gradient = jax.jit(jax.grad(batch_loss))
    xla = small(StableResidualMLP, kernel="xla", normalise=False)
    assert_close(gradient(xla, XS), gradient(small(StableResidualMLP, normalise=False), XS))


def per_example(network):
    """A gradient for every example."""
    return jax.vmap(jax.grad(loss), in_axes=(None, 0))(network, XS)


def of_seeds(network):
    """A gradient for every network."""
    networks = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), network)
    return jax.vmap(jax.grad(batch_loss), in_axes=(0, None))(networks, XS)


def of_members(network):
    """The gradient of networks that judge the same examples."""
    networks = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), network)
    judge = lambda networks, x: jnp.sum(jax.vmap(lambda n: loss(n, x))(networks))  # noqa: E731
    return jax.grad(lambda n: jnp.sum(jax.vmap(lambda x: judge(n, x))(XS)))(networks)


def of_batches(network):
    """The gradient over a batch of batches."""
    xs = jnp.stack([XS, XS + 1])
    return jax.grad(lambda n: jnp.sum(jax.vmap(lambda xs: batch_loss(n, xs))(xs)))(network)


def of_inputs(network):
    """The gradient by the input alone."""
    return jax.grad(batch_loss, argnums=1)(network, XS)


@pytest.mark.parametrize(
    "function",
    [
        *(per_example, of_seeds, of_members, of_batches, of_inputs),
        lambda network: jax.grad(loss)(network, XS[0]),
    ],
)
def test_maps_and_gradients_in_every_order(function):
    assert_close(jax.jit(function)(small(kernel="xla")), jax.jit(function)(small()))


def test_maps_become_one_operation_and_a_frozen_network_has_no_gradient_of_parameters():
    network = small(kernel="xla")
    trained = str(jax.make_jaxpr(jax.grad(batch_loss))(network, XS))
    frozen = str(jax.make_jaxpr(of_inputs)(network))
    for text, flag in ((trained, "True"), (frozen, "False")):
        assert len(re.findall(r"= residual_stack_forward\[", text)) == 1
        assert len(re.findall(r"= residual_stack_backward\[", text)) == 1
        assert f"trained={flag}" in text
    assert "f32[1,2,8,8,8]" not in trained  # no gradient of weights for each example


def test_layers_are_packed_block_after_block():
    stacked = small().blocks
    packed = PackedBlocks(stacked)
    assert packed.weights.shape == (8, 8, 8)
    assert packed.vectors.shape == (8, 3, 8)
    layer = stacked.layers[2]  # of the second block, so the seventh of all
    np.testing.assert_array_equal(packed.weights[6], layer.dense.weight[1])
    of_layer = (layer.dense.bias[1], layer.norm.weight[1], layer.norm.bias[1])
    np.testing.assert_array_equal(packed.vectors[6], np.stack(of_layer))
    chex.assert_trees_all_equal(packed.stacked(), stacked)


def test_blocks_are_packed_where_they_are_not_scanned():
    class GPU:
        platform = "gpu"

    def blocks(kernel):
        build = lambda key: ResidualMLP(8, 8, kernel=kernel, in_size=5, out_size=3, key=key)  # noqa: E731
        return eqx.filter_eval_shape(build, jax.random.key(0)).blocks

    assert isinstance(blocks("auto"), Block)
    assert isinstance(blocks("xla"), PackedBlocks)
    with tracing_for([GPU()]):
        assert isinstance(blocks("auto"), PackedBlocks)


def test_norms_inside_packed_blocks():
    ours, theirs = (small(kernel=kernel).block_norms(XS[0]) for kernel in ("xla", "auto"))
    chex.assert_trees_all_close(ours, theirs, rtol=1e-6)


def test_automatic_is_the_scan_on_a_cpu():
    text = str(jax.make_jaxpr(batch_loss)(small(), XS))
    assert "scan[" in text
    assert "residual_stack" not in text


@pytest.mark.parametrize("kernel", ["xla", "fused"])
@pytest.mark.filterwarnings("ignore:kernel=")
def test_other_derivatives_are_refused(kernel):
    network = small(width=64, kernel=kernel)
    with pytest.raises(NotImplementedError, match="only first derivatives, taken backwards"):
        jax.jvp(functools.partial(loss, network), (XS[0],), (XS[0],))
    with pytest.raises(NotImplementedError, match="only first derivatives, taken backwards"):
        jax.hessian(functools.partial(loss, network))(XS[0])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"width": 8}, "takes widths of 64, 128, 256, 512 and not 8"),
        ({"activation": jnp.tanh}, "takes the activations swish, relu and gelu"),
        ({"keep": "block_inputs"}, "takes no keep='block_inputs'"),
        ({}, "needs an NVIDIA GPU"),
    ],
)
def test_what_has_no_kernel_runs_without_and_says_so_once(settings, reason, recwarn):
    residual_stack.say_once.cache_clear()
    network = small(**{"width": 64, "kernel": "fused", **settings})
    for _ in range(2):
        found = eqx.filter_jit(lambda n: jax.vmap(n)(XS))(network)
    said = [str(w.message) for w in recwarn]
    assert len(said) == 1
    assert reason in said[0]
    assert "as with kernel='xla'" in said[0]
    other = small(**{"width": 64, **settings})
    np.testing.assert_allclose(found, jax.vmap(other)(XS), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wanted", "precision"),
    [(None, "tf32"), ("tensorfloat32", "tf32"), ("high", "tf32x3"), ("highest", "float32")],
)
def test_precision_follows_that_of_jax(wanted, precision):
    with jax.default_matmul_precision(wanted):
        assert chosen_precision("float32") == precision
        assert chosen_precision("bfloat16") == "bfloat16"


@pytest.mark.parametrize("kind", [ResidualMLP, StableResidualMLP])
def test_other_kernels_are_refused(key, kind):
    with pytest.raises(SettingError, match="kernel is 'triton'; it must be one of 'auto'"):
        kind(in_size=2, out_size=2, kernel="triton", key=key)

"""Stacks on Mosaic GPU, interpreted on a CPU: how exact they are, and the order of all accesses.

JAX exports the interpreter's parameters nowhere; a version without them skips these tests.
"""

import functools
import itertools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from components.networks import (
    ResidualMLP,
    mosaic_kernels,
    mosaic_stack,
    mosaic_team,
    plain_stack,
    residual_network,
    residual_stack,
)
from components.networks.mosaic_memory import pieces_of
from components.networks.mosaic_team import rounded
from components.networks.stack_form import EPSILON, StackForm, chosen_kernel
from components.target_devices import tracing_for

_INTERPRETER = "jax._src.pallas.mosaic_gpu.interpret"
interpreter = pytest.importorskip(f"{_INTERPRETER}.interpret_pallas_call")
parameters = pytest.importorskip(f"{_INTERPRETER}.params")

slow = pytest.mark.slow
BLOCK = 4
# Both types, with LayerNorm and without, the three activations, every skip, every width.
SETTINGS = [
    ("swish", True, 4, "tf32", 128),
    ("swish", True, 2, "bfloat16", 256),
    ("relu", False, 4, "tf32", 128),
    ("gelu", True, 1, "tf32", 128),
    ("swish", False, 0, "bfloat16", 256),
    ("swish", True, 4, "tf32", 384),
    ("swish", True, 4, "bfloat16", 512),
]


def made(name="swish", normalise=True, skip_every=4, precision="tf32", width=128, examples=16):
    """A form, and arrays of a network of one block: input, weights, vectors, direction."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal((1, *shape), np.float32)  # noqa: E731
    vectors = 0.1 * draw(BLOCK, 3 if normalise else 1, width)
    vectors[:, :, 1:2] += 1
    weights = draw(BLOCK, width, width) / np.float32(np.sqrt(width))
    form = StackForm(getattr(jax.nn, name), skip_every, 0.5, precision, interpret=True)
    return form, (draw(examples, width), weights, vectors, draw(examples, width))


def outputs_and_gradients(form, x, weights, vectors, direction):
    """Output, and gradients by input, weights and vectors along a direction."""
    y, saved = mosaic_stack.forward(x, weights, vectors, form)
    return y, *mosaic_stack.backward(direction, weights, vectors, saved, form, True)


def interpreted(run, *arrays):
    """Return what a function of kernels returns, and whether the order of two accesses was open."""
    detecting = parameters.InterpretGPUParams(detect_races=True)
    with parameters.force_gpu_interpret_mode(detecting):
        found = [np.asarray(a) for a in jax.tree.leaves(jax.jit(run)(*arrays))]
        return found, interpreter.get_races().races_found


def plainly(form, arrays):
    """The plain form, whose products are float32 where those of a GPU are tf32."""
    if form.precision == "tf32":
        form = form._replace(precision="float32")
    x, weights, vectors, direction = map(jnp.asarray, arrays)
    y, saved = plain_stack.forward(x, weights, vectors, form, unrolled=True)
    gradients = plain_stack.backward(
        direction, weights, vectors, saved, form, trained=True, unrolled=True
    )
    return y, *gradients


def defined(x, weights, vectors, form):
    """The stack of one network as its definition, and what is saved of it."""
    h = skip = x
    saved = []
    for i, (w, v) in enumerate(zip(weights, vectors, strict=True)):
        inputs, z, deviation = h, h @ w + v[:1], jnp.ones(h.shape[:1])
        if len(v) == 3:
            z = z - jnp.mean(z, axis=1, keepdims=True)
            deviation = jnp.sqrt(jnp.mean(z * z, axis=1) + EPSILON)
            z = z / deviation[:, None]
        h = form.activation(z * v[1:2] + v[2:3] if len(v) == 3 else z)
        if form.skip_every and (i + 1) % form.skip_every == 0:
            h = skip = skip + form.branch_scale * h
        saved.append((inputs, z, 1 / deviation))
    return h, saved


def exactly(form, arrays):
    """In float64: output and gradients, and what is saved, as the kernel expects it."""
    with jax.enable_x64(True):
        *inputs, direction = (jnp.float64(a[0]) for a in arrays)
        y, pull, saved = jax.vjp(functools.partial(defined, form=form), *inputs, has_aux=True)
        found = [np.asarray(a)[None] for a in (y, *pull(direction))]
        by_layer = zip(*saved, strict=True)
        return found, tuple(np.stack(a)[None].astype(np.float32) for a in by_layer)


def error(found, exact):
    """Relative, L2."""
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


@pytest.mark.usefixtures("quickly_compiled")
def test_values():
    form, arrays = made()
    run = functools.partial(mosaic_stack.forward, form=form)
    found, races = interpreted(run, *arrays[:3])
    (y, *_), saved = exactly(form, arrays)
    assert not races
    for a, b in zip(found, (y, *saved), strict=True):
        assert a.shape == b.shape
        assert error(a, b) < 5e-7


@pytest.mark.usefixtures("quickly_compiled")
def test_gradients():
    form, (*arrays, direction) = made()
    gradients, saved = exactly(form, (*arrays, direction))
    run = functools.partial(mosaic_stack.backward, form=form, trained=True)
    found, races = interpreted(run, direction, *arrays[1:], saved)
    assert not races
    for a, b in zip(found, gradients[1:], strict=True):
        assert error(a, b) < 1e-6


@slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize(("name", "normalise", "skip_every", "precision", "width"), SETTINGS)
def test_values_and_gradients_are_as_exact_as_plain_ones(
    name, normalise, skip_every, precision, width
):
    form, arrays = made(name, normalise, skip_every, precision, width)
    ours, races = interpreted(functools.partial(outputs_and_gradients, form), *arrays)
    assert not races
    for a, b, c in zip(ours, plainly(form, arrays), exactly(form, arrays)[0], strict=True):
        assert a.shape == c.shape
        assert error(b, c) < (0.02 if precision == "bfloat16" else 2e-6)
        assert error(a, c) < 1.1 * error(b, c) + 1e-8


@slow
@pytest.mark.usefixtures("quickly_compiled")
def test_any_number_of_examples():
    form, arrays = made(examples=20)
    ours, races = interpreted(functools.partial(outputs_and_gradients, form), *arrays)
    assert not races
    for a, b in zip(ours, plainly(form, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@slow
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("left_out", [1, 2])
def test_without_one_of_the_barriers_the_order_is_open(left_out, monkeypatch):
    """Warpgroups meet when the input is written, and in a layer before and after they write."""
    form, (x, weights, vectors, _) = made(precision="bfloat16")
    meet, calls = mosaic_team._meet, itertools.count()
    without = lambda barrier: None if next(calls) % 3 == left_out else meet(barrier)  # noqa: E731
    monkeypatch.setattr(mosaic_team, "_meet", without)
    run = functools.partial(mosaic_stack.forward, form=form)
    _, races = interpreted(run, x, weights, vectors)
    assert races


@pytest.mark.parametrize(
    ("precision", "width", "pieces"),
    [
        ("bfloat16", 128, (64, 2, 2, 128)),
        ("bfloat16", 256, (64, 4, 4, 128)),
        ("bfloat16", 512, (32, 16, 4, 64)),
        ("tf32", 256, (32, 8, 4, 128)),
        ("tf32", 384, (32, 12, 3, 128)),
    ],
)
def test_pieces_of_weights(precision, width, pieces):
    assert pieces_of(width, made(precision=precision)[0]) == pieces


def test_factors_are_rounded_to_the_nearest_number_of_ten_bits():
    form = made()[0]._replace(interpret=False)
    tf32 = 2.0**-10
    given = np.array([1 + 0.49 * tf32, 1 + 0.51 * tf32, -1 - 1.5 * tf32, 3, 0], np.float32)
    expected = np.array([1, 1 + tf32, -1 - 2 * tf32, 3, 0], np.float32)
    np.testing.assert_array_equal(rounded(jnp.asarray(given), form), expected)
    bfloat16 = rounded(jnp.float32([1 + 2.0**-9]), form._replace(precision="bfloat16"))
    assert bfloat16.dtype == jnp.bfloat16
    assert bfloat16[0] == 1


class GPU(NamedTuple):
    """A device that is only described."""

    compute_capability: str
    platform: str = "gpu"


def network(**settings):
    """A small network of one block."""
    usual = {"in_size": 5, "out_size": 3, "kernel": "mosaic", "key": jax.random.key(0)}
    return ResidualMLP(**{"width": 128, "depth": BLOCK, **usual, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compute_dtype": "bfloat16", "activation": jax.nn.relu, "normalise": False},
        {"activation": jax.nn.gelu, "skip_every": 0},
    ],
)
def test_the_gradient_of_a_network_has_two_kernels(settings):
    """Down to what is handed to the compiler of a GPU, which need not be installed."""
    with tracing_for([GPU("9.0")]):
        arrays, static = eqx.partition(network(**settings), eqx.is_array)
        loss = lambda arrays, xs: jnp.sum(jax.vmap(eqx.combine(arrays, static))(xs))  # noqa: E731
        traced = jax.jit(jax.grad(loss)).trace(arrays, jnp.ones((16, 5), jnp.float32))
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("@mosaic_gpu_v2(") == 2
    assert "triton" not in text


HOPPER, OLDER = [GPU("9.0")], [GPU("8.0")]


@pytest.mark.parametrize(
    ("devices", "changed", "width", "reason", "other"),
    [
        (OLDER, {}, 256, "needs Hopper GPUs, such as an H100", "fused"),
        ([*HOPPER, *OLDER], {}, 256, "needs Hopper GPUs, such as an H100", "fused"),
        ((), {}, 256, "needs Hopper GPUs, such as an H100", "xla"),
        (HOPPER, {}, 64, "takes widths of 128, 256, 384, 512 and not 64", "fused"),
        (HOPPER, {"activation": jnp.tanh}, 256, "takes the activations swish, relu", "xla"),
        (HOPPER, {"precision": "tf32x3"}, 256, "in tf32 and bfloat16 and not in tf32x3", "fused"),
        (HOPPER, {"keep": "block_inputs"}, 256, "takes no keep='block_inputs'", "xla"),
    ],
)
def test_what_has_no_kernel_runs_without_and_says_so_once(
    devices, changed, width, reason, other, recwarn
):
    residual_stack.say_once.cache_clear()
    form = made()[0]._replace(interpret=False, **changed)
    for _ in range(2):
        with tracing_for(devices):
            found = residual_network.mosaic_where_possible(form, width)
    # Fused kernels take the layers before and after the stack too, in JAX's own precision.
    ends = "tf32" if other == "fused" else None
    assert found == form._replace(fused=other == "fused", ends=ends)
    (said,) = (str(w.message) for w in recwarn)
    assert said.startswith("kernel='mosaic' ")
    assert reason in said
    assert said.endswith(f": the network runs as with kernel={other!r}.")


def test_a_hopper_gpu_has_a_kernel_where_it_is_asked_for(recwarn):
    form = made()[0]
    with tracing_for(HOPPER):
        found = residual_network.mosaic_where_possible(form, 256)
        assert chosen_kernel("auto") == "fused"
    assert found == form._replace(fused=True, pallas="mosaic")
    assert not recwarn


@pytest.mark.parametrize("activation", [jax.nn.swish, jax.nn.relu, jax.nn.gelu])
def test_slopes_are_those_of_the_activations(activation):
    x = jnp.linspace(-4, 4, 50, dtype=jnp.float32)
    np.testing.assert_allclose(
        mosaic_kernels.slope(activation, x), jax.vmap(jax.grad(activation))(x), atol=1e-6
    )
    np.testing.assert_allclose(mosaic_kernels.activated(activation, x), activation(x))

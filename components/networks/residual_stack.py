"""Defines a stack of residual layers as operations that JAX can map and differentiate.

They are primitives, not a `custom_vjp`, because networks are functions of one example that others
map over a batch: only a rule that sees the batch before the derivative is taken can turn it into
one kernel, and sum gradients over it within one product.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from components.networks import fused_stack, plain_stack, sharded_stack
from components.networks.stack_form import StackForm
from components.target_devices import batch_mesh, target_platform

UNROLLED_LAYERS = 64  # more take minutes to compile

_stack = Primitive("residual_stack")  # x, weights, vectors -> y
_forward = Primitive("residual_stack_forward")  # the same -> y, *saved
_linear = Primitive("residual_stack_linear")  # dx, [dw, dv,] weights, vectors, *saved -> dy
_backward = Primitive("residual_stack_backward")  # dy, weights, vectors, *saved -> dx, [dw, dv]
_forward.multiple_results = _backward.multiple_results = True


def residual_stack(
    x: Float[Array, " width"],
    weights: Float[Array, "layers width width"],
    vectors: Float[Array, "layers v width"],
    form: StackForm,
) -> Float[Array, " width"]:
    """Return the stack's output for one example; `vmap` computes a whole batch at once.

    It has first derivatives in reverse mode; forward-mode and second derivatives raise an error.

    Args:
        x: input of the first layer.
        weights: of the dense layers.
        vectors: biases of the dense layers and, with LayerNorm, its scales and offsets.
        form: everything else.
    """
    return _stack.bind(x[None, None], weights[None], vectors[None], form=form)[0, 0]


def fused_where_possible(form: StackForm, width: int, asked: bool) -> StackForm:
    """Return the form with fused kernels, or unchanged if there are none for it.

    Args:
        form: of a plain stack.
        width: numbers between layers.
        asked: whether the user asked for kernels, and is warned if there are none.
    """
    obstacle = fused_stack.obstacle(form, width)
    if obstacle and asked:
        _say_once(f"kernel='fused' {obstacle}: the network runs as with kernel='xla'.")
    return form._replace(fused=not obstacle, mesh=batch_mesh())


def mosaic_where_possible(form: StackForm, width: int) -> StackForm:
    """Return the form with kernels of Mosaic GPU, or with what comes next if there are none for it.

    Args:
        form: of a plain stack.
        width: numbers between layers.
    """
    from components.networks import mosaic_stack  # importing Mosaic GPU takes a fifth of a second

    obstacle = mosaic_stack.obstacle(form, width)
    if obstacle is None:
        return form._replace(fused=True, pallas="mosaic", mesh=batch_mesh())
    other = form if target_platform() == "cpu" else fused_where_possible(form, width, asked=False)
    name = "fused" if other.fused else "xla"
    _say_once(f"kernel='mosaic' {obstacle}: the network runs as with kernel={name!r}.")
    return other


def plain_form(primitive: str, params: dict[str, Any]) -> Callable[..., list[Array]] | None:
    """Return an operation of this file as a function in plain JAX; None for other operations.

    Args:
        primitive: its name.
        params: of the operation.
    """

    def forward(x: Array, weights: Array, vectors: Array) -> list[Array]:
        y, saved = plain_stack.forward(x, weights, vectors, params["form"], unrolled=False)
        return [y, *saved]

    def backward(dy: Array, weights: Array, vectors: Array, *saved: Array) -> list[Array]:
        form, trained = params["form"], params["trained"]
        return [*plain_stack.backward(dy, weights, vectors, saved, form, trained, unrolled=False)]

    forms = {
        _stack.name: lambda *arrays: forward(*arrays)[:1],
        _forward.name: forward,
        _backward.name: backward,
    }
    return forms.get(primitive)


def _run_forward(x, weights, vectors, *, form: StackForm, on_gpu: bool):
    """Return the output and the saved arrays, from the kernel if it can run."""
    if _kernels_run(form, on_gpu):
        y, saved = sharded_stack.forward(x, weights, vectors, form)
    else:
        y, saved = plain_stack.forward(x, weights, vectors, form, _unrolled(weights, on_gpu))
    return y, *saved


def _run_backward(dy, weights, vectors, *saved, form: StackForm, trained: bool, on_gpu: bool):
    """Return the gradients by input and parameters, from the kernel if it can run."""
    if _kernels_run(form, on_gpu):
        return sharded_stack.backward(dy, weights, vectors, saved, form, trained)
    unrolled = _unrolled(weights, on_gpu)
    return plain_stack.backward(dy, weights, vectors, saved, form, trained, unrolled)


def _kernels_run(form: StackForm, on_gpu: bool) -> bool:
    if form.fused and not (on_gpu or form.interpret):
        _say_once("kernel='fused' needs an NVIDIA GPU: the network runs as with kernel='xla'.")
    return form.fused and (on_gpu or form.interpret)


def _unrolled(weights: Array, on_gpu: bool) -> bool:
    return on_gpu and weights.shape[1] <= UNROLLED_LAYERS


@functools.cache
def _say_once(message: str) -> None:
    """Warn, once per process and message."""
    warnings.warn(message, stacklevel=2)


def _fold_examples(size: int, array: Array, dim: int | None, axis: int) -> Array:
    """Merge an array's mapped axis into its axis of examples."""
    array = _mapped_first(size, array, dim)
    array = jnp.moveaxis(array, 0, axis)
    return array.reshape(*array.shape[:axis], -1, *array.shape[axis + 2 :])


def _fold_nets(size: int, array: Array, dim: int | None) -> Array:
    """Merge an array's mapped axis into its axis of nets, which is the first."""
    array = _mapped_first(size, array, dim)
    return array.reshape(-1, *array.shape[2:])


def _mapped_first(size: int, array: Array, dim: int | None) -> Array:
    if dim is None:
        return jnp.broadcast_to(array[None], (size, *array.shape))
    return jnp.moveaxis(array, dim, 0)


def _batch(primitive: Primitive, examples_in: tuple, examples_out: tuple, args, dims, params):
    """Make one call for a mapped axis: with more examples, or more nets if parameters differ.

    Args:
        primitive: what to call.
        examples_in: the axis of examples of each argument; None for a parameter.
        examples_out: the same for each result.
        args: arguments, mapped or not.
        dims: the mapped axis of each argument, or None.
        params: of the primitive.
    """
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
    pairs = list(zip(args, dims, examples_in, strict=True))
    shared = all(dim is None for _, dim, axis in pairs if axis is None)
    if shared and None not in examples_out:
        folded = [a if axis is None else _fold_examples(size, a, d, axis) for a, d, axis in pairs]
        dims_out = list(examples_out)
    else:
        folded = [_fold_nets(size, a, d) for a, d, _ in pairs]
        dims_out = [0] * len(examples_out)
    outs = primitive.bind(*folded, **params)
    outs = outs if primitive.multiple_results else [outs]
    unfolded = [
        out.reshape(*out.shape[:axis], size, -1, *out.shape[axis + 1 :])
        for out, axis in zip(outs, dims_out, strict=True)
    ]
    return (unfolded, dims_out) if primitive.multiple_results else (unfolded[0], dims_out[0])


def _batch_stack(args, dims, **params):
    return _batch(_stack, (1, None, None), (1,), args, dims, params)


def _batch_forward(args, dims, *, form):
    axes_out = (1, *[2] * form.saved_arrays)
    return _batch(_forward, (1, None, None), axes_out, args, dims, {"form": form})


def _batch_linear(args, dims, *, trained, **params):
    parameters = 4 if trained else 2
    saved = len(args) - 1 - parameters
    axes = (1, *[None] * parameters, *[2] * saved)
    return _batch(_linear, axes, (1,), args, dims, {"trained": trained, **params})


def _batch_backward(args, dims, *, trained, **params):
    axes = (1, None, None, *[2] * (len(args) - 3))
    outs = (1, None, None) if trained else (1,)
    return _batch(_backward, axes, outs, args, dims, {"trained": trained, **params})


def _shapes(x, weights, vectors, *, form: StackForm) -> list[jax.ShapeDtypeStruct]:
    """Return the shapes of the output and of what is saved."""
    run = functools.partial(plain_stack.forward, form=form, unrolled=False)
    y, saved = jax.eval_shape(
        run, *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, weights, vectors))
    )
    return [y, *saved]


def _abstract(*shapes: Any) -> list[ShapedArray]:
    return [ShapedArray(s.shape, s.dtype) for s in shapes]


def _differentiate(primals, tangents, *, form: StackForm):
    """Return the output, and its tangent as a linear operation that can be transposed."""
    dx, dw, dv = tangents
    trained = not (isinstance(dw, ad.Zero) and isinstance(dv, ad.Zero))
    y, *saved = _forward.bind(*primals, form=form)
    directions = [ad.instantiate_zeros(t) for t in ((dx, dw, dv) if trained else (dx,))]
    return y, _linear.bind(*directions, *primals[1:], *saved, form=form, trained=trained)


def _transpose(dy, *args, form: StackForm, trained: bool):
    """Return the gradients by the tangents of input and parameters."""
    count = 3 if trained else 1
    directions, rest = args[:count], args[count:]
    if isinstance(dy, ad.Zero):
        gradients = [ad.Zero(d.aval) if ad.is_undefined_primal(d) else None for d in directions]
    else:
        gradients = _backward.bind(dy, *rest, form=form, trained=trained)
    wanted = [
        g if ad.is_undefined_primal(d) else None for g, d in zip(gradients, directions, strict=True)
    ]
    return [*wanted, *[None] * len(rest)]


def _refuse(*_: Any, **__: Any):
    raise NotImplementedError(
        "residual networks have only first derivatives, taken backwards (jax.grad, jax.vjp), with "
        "kernel='xla' and kernel='fused'. Forward-mode and second derivatives need a network with "
        "kernel='auto' on a CPU."
    )


@functools.cache
def _compiled(primitive: Primitive, params: tuple):
    return jax.jit(functools.partial(primitive.bind, **dict(params)))


def _register(primitive: Primitive, run: Callable, abstract: Callable, batch: Callable) -> None:
    """Tell JAX how to run, type and map a primitive, and refuse derivatives of it."""
    primitive.def_impl(lambda *args, **params: _compiled(primitive, tuple(params.items()))(*args))
    primitive.def_abstract_eval(abstract)
    batching.primitive_batchers[primitive] = batch
    ad.primitive_jvps[primitive] = _refuse
    for platform, on_gpu in ((None, False), ("cuda", True)):
        rule = functools.partial(run, on_gpu=on_gpu)
        lowering = mlir.lower_fun(rule, multiple_results=primitive.multiple_results)
        mlir.register_lowering(primitive, lowering, platform=platform)


_register(
    _stack,
    lambda *args, **params: _run_forward(*args, **params)[0],
    lambda *args, **params: _abstract(*_shapes(*args, **params))[0],
    _batch_stack,
)
_register(
    _forward,
    _run_forward,
    lambda *args, **params: _abstract(*_shapes(*args, **params)),
    _batch_forward,
)
_register(
    _backward,
    _run_backward,
    lambda dy, w, v, *_, trained, **__: _abstract(dy, *((w, v) if trained else ())),
    _batch_backward,
)
_register(_linear, _refuse, lambda dx, *_, **__: _abstract(dx)[0], _batch_linear)
ad.primitive_jvps[_stack] = _differentiate
ad.primitive_transposes[_linear] = _transpose

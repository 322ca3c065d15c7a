"""Defines residual stacks and networks as operations that JAX can map and differentiate.

They are primitives, not a `custom_vjp`, because networks are functions of one example that others
map over a batch: only a rule that sees the batch before the derivative is taken can turn it into
one kernel, and sum gradients over it within one product.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from components.networks import plain_network, sharded_stack
from components.networks.stack_form import StackForm

UNROLLED_LAYERS = 64  # more take minutes to compile

# Parameters are those of a stack or of a whole network, as in `stack_form.Parameters`.
_stack = Primitive("residual_stack")  # x, *parameters -> y
_forward = Primitive("residual_stack_forward")  # the same -> y, *saved
_linear = Primitive("residual_stack_linear")  # dx, [*dparameters,] *parameters, *saved -> dy
_backward = Primitive("residual_stack_backward")  # dy, *parameters, *saved -> dx, [*dparameters]
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
    return apply_to_example(x, (weights, vectors), form)


def apply_to_example(x: Array, parameters: Sequence[Array], form: StackForm) -> Array:
    """Return the output for one example.

    Args:
        x: input of the stack or, with `form.ends`, of the network.
        parameters: `stack_form.Parameters` without the axis of nets.
        form: everything else.
    """
    return _stack.bind(x[None, None], *[p[None] for p in parameters], form=form)[0, 0]


@functools.cache
def say_once(message: str) -> None:
    """Warn, once per process and message."""
    warnings.warn(message, stacklevel=2)


def plain_form(primitive: str, params: dict[str, Any]) -> Callable[..., list[Array]] | None:
    """Return an operation of this file as a function in plain JAX; None for other operations.

    Args:
        primitive: its name.
        params: of the operation.
    """

    def forward(x: Array, *parameters: Array) -> list[Array]:
        y, saved = plain_network.forward(x, parameters, params["form"], unrolled=False)
        return [y, *saved]

    def backward(dy: Array, *rest: Array) -> list[Array]:
        form, trained = params["form"], params["trained"]
        parameters, saved = _divide(rest, form)
        return [*plain_network.backward(dy, parameters, saved, form, trained, unrolled=False)]

    forms = {
        _stack.name: lambda *arrays: forward(*arrays)[:1],
        _forward.name: forward,
        _backward.name: backward,
    }
    return forms.get(primitive)


def _run_forward(x, *parameters, form: StackForm, on_gpu: bool):
    """Return the output and the saved arrays, from the kernel if it can run."""
    if _kernels_run(form, on_gpu):
        y, saved = sharded_stack.forward(x, parameters, form)
    else:
        y, saved = plain_network.forward(x, parameters, form, _unrolled(parameters, on_gpu))
    return y, *saved


def _run_backward(dy, *rest, form: StackForm, trained: bool, on_gpu: bool):
    """Return the gradients by input and parameters, from the kernel if it can run."""
    parameters, saved = _divide(rest, form)
    if _kernels_run(form, on_gpu):
        return sharded_stack.backward(dy, parameters, saved, form, trained)
    unrolled = _unrolled(parameters, on_gpu)
    return plain_network.backward(dy, parameters, saved, form, trained, unrolled)


def _divide(arrays: Sequence[Any], form: StackForm) -> tuple[tuple, tuple]:
    """Divide arrays into those before what is saved, and what is saved."""
    count = len(arrays) - len(form.saved_axes)
    return tuple(arrays[:count]), tuple(arrays[count:])


def _kernels_run(form: StackForm, on_gpu: bool) -> bool:
    if form.fused and not (on_gpu or form.interpret):
        say_once("kernel='fused' needs an NVIDIA GPU: the network runs as with kernel='xla'.")
    return form.fused and (on_gpu or form.interpret)


def _unrolled(parameters: Sequence[Array], on_gpu: bool) -> bool:
    return on_gpu and parameters[0].shape[1] <= UNROLLED_LAYERS


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
    return _batch(_stack, (1, *[None] * (len(args) - 1)), (1,), args, dims, params)


def _batch_forward(args, dims, *, form):
    axes, axes_out = (1, *[None] * (len(args) - 1)), (1, *form.saved_axes)
    return _batch(_forward, axes, axes_out, args, dims, {"form": form})


def _batch_linear(args, dims, *, form, **params):
    parameters = len(args) - 1 - len(form.saved_axes)
    axes = (1, *[None] * parameters, *form.saved_axes)
    return _batch(_linear, axes, (1,), args, dims, {"form": form, **params})


def _batch_backward(args, dims, *, form, trained):
    parameters = [None] * (len(args) - 1 - len(form.saved_axes))
    axes, outs = (1, *parameters, *form.saved_axes), (1, *(parameters if trained else ()))
    return _batch(_backward, axes, outs, args, dims, {"form": form, "trained": trained})


def _shapes(*arrays, form: StackForm) -> list[jax.ShapeDtypeStruct]:
    """Return the shapes of the output and of what is saved."""
    x, *parameters = (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)
    run = functools.partial(plain_network.forward, form=form, unrolled=False)
    y, saved = jax.eval_shape(run, x, tuple(parameters))
    return [y, *saved]


def _gradient_shapes(dy, *rest, form: StackForm, trained: bool) -> list[ShapedArray]:
    parameters, saved = _divide(rest, form)
    x = saved[-4] if form.ends else dy
    return _abstract(x, *(parameters if trained else ()))


def _abstract(*shapes: Any) -> list[ShapedArray]:
    return [ShapedArray(s.shape, s.dtype) for s in shapes]


def _differentiate(primals, tangents, *, form: StackForm):
    """Return the output, and its tangent as a linear operation that can be transposed."""
    trained = not all(isinstance(tangent, ad.Zero) for tangent in tangents[1:])
    y, *saved = _forward.bind(*primals, form=form)
    directions = [ad.instantiate_zeros(t) for t in (tangents if trained else tangents[:1])]
    return y, _linear.bind(*directions, *primals[1:], *saved, form=form, trained=trained)


def _transpose(dy, *args, form: StackForm, trained: bool):
    """Return the gradients by the tangents of input and parameters."""
    before, _ = _divide(args, form)
    count = (len(before) + 1) // 2 if trained else 1  # of x and the parameters, or of x alone
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


def _tangent_shape(dx, *rest, form: StackForm, **_: Any) -> ShapedArray:
    last_of_parameters = _divide(rest, form)[0][-1]
    return ShapedArray((*dx.shape[:-1], last_of_parameters.shape[-1]), dx.dtype)


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
    _gradient_shapes,
    _batch_backward,
)
_register(_linear, _refuse, _tangent_shape, _batch_linear)
ad.primitive_jvps[_stack] = _differentiate
ad.primitive_transposes[_linear] = _transpose

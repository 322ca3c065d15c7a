"""Dense layers, and blocks of four of them, which deep networks are made of."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, Key

from components.constraints import OneOf

Activation: TypeAlias = Callable[[Array], Array]

ComputeDtype = Annotated[str, OneOf(("float32", "bfloat16"))]

LAYERS_PER_BLOCK = 4
BLOCKS = "blocks"  # the name of loops over blocks in a traced program
DENSE_OUTPUT = "dense_output"  # the name by which a checkpoint policy keeps these values


class Dense(eqx.Module):
    """`y = x W + b`, with `W ~ U(-1/sqrt(in), 1/sqrt(in))` (LeCun uniform) and `b = 0` at first.

    Parameters are float32; the product is computed and returned in `compute_dtype`.
    """

    # (in, out): under `vmap` x W keeps the batch axis in front, W x would transpose every layer.
    weight: Float[Array, "in out"]
    bias: Float[Array, " out"]
    compute_dtype: str = eqx.field(static=True)

    def __init__(
        self, in_size: int, out_size: int, compute_dtype: str = "float32", *, key: Key[Array, ""]
    ):
        """Args:
        in_size: numbers in `x`.
        out_size: numbers in `y`.
        compute_dtype: of the products and of `y`.
        key: random key of the weights.
        """
        bound = in_size**-0.5
        self.weight = jax.random.uniform(
            key, (in_size, out_size), jnp.float32, minval=-bound, maxval=bound
        )
        self.bias = jnp.zeros(out_size, jnp.float32)
        self.compute_dtype = compute_dtype

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return `x W + b` for one example."""
        x, weight, bias = (v.astype(self.compute_dtype) for v in (x, self.weight, self.bias))
        return checkpoint_name(x @ weight + bias, DENSE_OUTPUT)


class Layer(eqx.Module):
    """Dense, then LayerNorm (learned scale and offset, epsilon 1e-6), then activation.

    Normalisation and activation are computed in float32, whatever `compute_dtype` is.
    """

    dense: Dense
    norm: eqx.nn.LayerNorm | None
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        activation: Activation,
        normalise: bool,
        compute_dtype: str = "float32",
        *,
        key: Key[Array, ""],
    ):
        """Args:
        in_size: numbers in the input.
        out_size: numbers in the output.
        activation: elementwise function.
        normalise: whether there is a LayerNorm.
        compute_dtype: of the dense layer's products.
        key: random key of the weights.
        """
        self.dense = Dense(in_size, out_size, compute_dtype, key=key)
        self.norm = eqx.nn.LayerNorm(out_size, eps=1e-6, dtype=jnp.float32) if normalise else None
        self.activation = activation

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the layer's output for one example."""
        y = self.dense(x).astype(jnp.float32)
        return self.activation(y if self.norm is None else self.norm(y))


class Block(eqx.Module):
    """Four layers of one width: the branch of a residual block, without its skip."""

    layers: tuple[Layer, ...]

    def __init__(
        self,
        width: int,
        activation: Activation,
        normalise: bool,
        compute_dtype: str = "float32",
        *,
        key: Key[Array, ""],
    ):
        """Args:
        width: numbers in the input, between layers and in the output.
        activation: elementwise function.
        normalise: whether layers have a LayerNorm.
        compute_dtype: of the dense layers' products.
        key: random key of the weights.
        """
        self.layers = tuple(
            Layer(width, width, activation, normalise, compute_dtype, key=k)
            for k in jax.random.split(key, LAYERS_PER_BLOCK)
        )

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        """Return the branch's output for one example."""
        for layer in self.layers:
            x = layer(x)
        return x

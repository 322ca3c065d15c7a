"""What deep networks are made of: dense layers, and blocks of four of them."""

from collections.abc import Callable
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, Key

Activation: TypeAlias = Callable[[Array], Array]

LAYERS_PER_BLOCK = 4
DENSE_OUTPUT = "dense_output"  # the name by which a checkpoint policy keeps these values


class Dense(eqx.Module):
    """`y = x W + b`, with `W ~ U(-1/sqrt(in), 1/sqrt(in))` (LeCun uniform) and `b = 0` at first."""

    # (in, out): under `vmap` x W keeps the batch axis in front, W x would transpose every layer.
    weight: Float[Array, "in out"]
    bias: Float[Array, " out"]

    def __init__(self, in_size: int, out_size: int, *, key: Key[Array, ""]):
        """Args:
        in_size: numbers in `x`.
        out_size: numbers in `y`.
        key: random key of the weights.
        """
        bound = in_size**-0.5
        self.weight = jax.random.uniform(
            key, (in_size, out_size), jnp.float32, minval=-bound, maxval=bound
        )
        self.bias = jnp.zeros(out_size, jnp.float32)

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """`x W + b` of one example."""
        return checkpoint_name(x @ self.weight + self.bias, DENSE_OUTPUT)


class Layer(eqx.Module):
    """Dense, then LayerNorm (learned scale and offset, epsilon 1e-6), then activation."""

    dense: Dense
    norm: eqx.nn.LayerNorm | None
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        activation: Activation,
        normalise: bool,
        *,
        key: Key[Array, ""],
    ):
        """Args:
        in_size: numbers in the input.
        out_size: numbers in the output.
        activation: elementwise function.
        normalise: whether there is a LayerNorm.
        key: random key of the weights.
        """
        self.dense = Dense(in_size, out_size, key=key)
        self.norm = eqx.nn.LayerNorm(out_size, eps=1e-6, dtype=jnp.float32) if normalise else None
        self.activation = activation

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """The layer's output for one example."""
        y = self.dense(x)
        return self.activation(y if self.norm is None else self.norm(y))


class Block(eqx.Module):
    """Four layers of one width: the branch of a residual block, without its skip."""

    layers: tuple[Layer, ...]

    def __init__(self, width: int, activation: Activation, normalise: bool, *, key: Key[Array, ""]):
        """Args:
        width: numbers in the input, between layers and in the output.
        activation: elementwise function.
        normalise: whether layers have a LayerNorm.
        key: random key of the weights.
        """
        self.layers = tuple(
            Layer(width, width, activation, normalise, key=k)
            for k in jax.random.split(key, LAYERS_PER_BLOCK)
        )

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        """The branch's output for one example."""
        for layer in self.layers:
            x = layer(x)
        return x

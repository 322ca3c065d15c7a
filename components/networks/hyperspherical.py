"""Deep networks whose weights and features lie on unit spheres."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, Key, PyTree

from components.constraints import PositiveInt, check
from components.networks.layers import DENSE_OUTPUT, LAYERS_PER_BLOCK, Activation
from components.networks.residual import Depth
from components.networks.residual_blocks import fold_blocks
from components.optimisers.rated import with_rate_of

_SHORTEST = 1e-8  # vectors shorter than this are not scaled up to length one
_SHIFT = 3.0


def unit(x: Float[Array, "*b n"], axis: int = -1) -> Float[Array, "*b n"]:
    r"""Return $x / \max(\|x\|, 10^{-8})$ along one axis; the gradient at 0 is finite."""
    squared = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squared, _SHORTEST**2))


class UnitDense(eqx.Module):
    """`y = x W` where every column of W has length one: no bias, no scale.

    Columns are normalised where they are used; `on_unit_spheres` keeps those stored normalised.
    """

    weight: Float[Array, "in out"]

    def __init__(self, in_size: int, out_size: int, *, key: Key[Array, ""]):
        """Args:
        in_size: numbers in `x`.
        out_size: numbers in `y`.
        key: random key of the columns, uniform on the sphere.
        """
        self.weight = unit(jax.random.normal(key, (in_size, out_size), jnp.float32), axis=0)

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the products of one example with the columns: cosines, if it has length one."""
        return checkpoint_name(x @ unit(self.weight, axis=0), DENSE_OUTPUT)


class SphericalLayer(eqx.Module):
    r"""$\mathrm{activation}(\sqrt n \, s \odot \mathrm{unit}(W^\top x))$, s one at first.

    The paper's layer with LayerNorm replaced; the root of the size n makes features about one.
    """

    dense: UnitDense
    scale: Float[Array, " out"]
    activation: Activation = eqx.field(static=True)

    def __init__(self, in_size: int, out_size: int, activation: Activation, *, key: Key[Array, ""]):
        """Args:
        in_size: numbers in the input.
        out_size: numbers in the output, n.
        activation: elementwise function.
        key: random key of the weights.
        """
        self.dense = UnitDense(in_size, out_size, key=key)
        self.scale = jnp.ones(out_size, jnp.float32)
        self.activation = activation

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the layer's output for one example."""
        y = unit(self.dense(x))
        return self.activation(jnp.float32(y.size**0.5) * self.scale * y)


class SphericalBlock(eqx.Module):
    r"""$h \leftarrow \mathrm{unit}(h + \alpha \odot (\mathrm{unit}(\mathrm{branch}(h)) - h))$.

    The branch is four layers. $\alpha = \alpha_0 \sqrt n \, a$ with $a = 1/\sqrt n$ at first, so
    that a step of Adam changes it by a share of itself.
    """

    layers: tuple[SphericalLayer, ...]
    step: Float[Array, " width"]  # a

    def __init__(self, width: int, activation: Activation, *, key: Key[Array, ""]):
        """Args:
        width: numbers in the input, between layers and in the output.
        activation: elementwise function.
        key: random key of the weights.
        """
        keys = jax.random.split(key, LAYERS_PER_BLOCK)
        self.layers = tuple(SphericalLayer(width, width, activation, key=k) for k in keys)
        self.step = jnp.full(width, width**-0.5, jnp.float32)

    def __call__(self, h: Float[Array, " width"], first_step: float) -> Float[Array, " width"]:
        """Return the block's output for one example on the unit sphere.

        Args:
            h: of length one.
            first_step: alpha at first.
        """
        y = h
        for layer in self.layers:
            y = layer(y)
        alpha = jnp.float32(first_step * h.size**0.5) * self.step
        return unit(h + alpha * (unit(y) - h))


class HypersphericalMLP(eqx.Module):
    r"""The paper's network with hyperspherical normalisation instead of LayerNorm.

    Input $h_0 = \mathrm{unit}(s_0 \odot W_0^\top \mathrm{unit}([x, 3]))$: the constant preserves
    the information in the length of x. Then $N$ = `depth`/4 blocks (`SphericalBlock`) whose
    residual stream stays on the unit sphere, with $\alpha = 1/(N+1)$ at first. Output
    $\sqrt n \, s \odot W^\top h_N + b$. Columns of every W have length one; train with
    `on_unit_spheres` around the optimiser.

    Reference: Lee et al., "Hyperspherical Normalization for Scalable Deep Reinforcement Learning"
    (SimbaV2), 2025, arXiv 2502.15280: unit weights projected after each update, shifted input,
    learned scaling, interpolation on the sphere. Wang et al., "1000 Layer Networks for
    Self-Supervised RL", 2025, section A.6, say that they added it but not how. Departures from
    SimbaV2: branches are the paper's four layers, each normalised before its activation (theirs two
    around a ReLU, which needs no scale); columns start at random, not orthogonal; no running
    statistics of the input, no distributional critic, no decay of the learning rate.
    """

    depth: int = eqx.field(static=True)
    input: UnitDense
    input_scale: Float[Array, " width"]
    blocks: SphericalBlock
    output: UnitDense
    output_scale: Float[Array, " out"]
    output_bias: Float[Array, " out"]

    def __init__(
        self,
        width: PositiveInt = 256,
        depth: Depth = 4,
        activation: Activation = jax.nn.swish,
        *,
        in_size: int,
        out_size: int,
        key: Key[Array, ""],
    ):
        """Args:
            width: numbers between layers, n.
            depth: dense layers in the blocks; neither the input nor the output layer counts.
            activation: elementwise function.
            in_size: numbers in the input.
            out_size: numbers in the output.
            key: random key of the weights.

        Raises:
            SettingError: `width` is not positive, or `depth` is not a multiple of four.
        """
        check(HypersphericalMLP, width=width, depth=depth)
        input_key, blocks_key, output_key = jax.random.split(key, 3)
        self.depth = depth
        self.input = UnitDense(in_size + 1, width, key=input_key)
        self.input_scale = jnp.ones(width, jnp.float32)
        keys = jax.random.split(blocks_key, depth // LAYERS_PER_BLOCK)
        self.blocks = jax.lax.map(lambda k: SphericalBlock(width, activation, key=k), keys)
        self.output = UnitDense(width, out_size, key=output_key)
        self.output_scale = jnp.ones(out_size, jnp.float32)
        self.output_bias = jnp.zeros(out_size, jnp.float32)

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the network's output for one example."""
        shifted = unit(jnp.append(x, jnp.float32(_SHIFT)))
        h = unit(self.input_scale * self.input(shifted))
        first_step = 1 / (self.depth // LAYERS_PER_BLOCK + 1)
        h = fold_blocks(lambda h, block: block(h, first_step), self.blocks, h)
        scale = jnp.float32(h.size**0.5) * self.output_scale
        return scale * self.output(h) + self.output_bias


def on_unit_spheres(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return an optimiser whose every step leaves the columns of each `UnitDense` at length one.

    Without it they grow, because gradients are orthogonal to them, and turn ever more slowly.
    Reference: as `HypersphericalMLP`.

    Args:
        inner: the optimiser that makes the step.
    """

    def update(updates: PyTree, state: optax.OptState, params: PyTree | None = None):
        updates, state = inner.update(updates, state, params)
        is_dense = lambda node: isinstance(node, UnitDense)  # noqa: E731
        return jax.tree.map(_projected, updates, params, is_leaf=is_dense), state

    return with_rate_of(optax.GradientTransformation(inner.init, update), inner)


def _projected(update: PyTree, param: PyTree) -> PyTree:
    """Return the update that ends on the sphere; other modules are updated as they are."""
    if not isinstance(param, UnitDense):
        return update
    reached = unit(param.weight + update.weight, axis=-2)  # members and blocks may stand in front
    return eqx.tree_at(lambda dense: dense.weight, update, reached - param.weight)

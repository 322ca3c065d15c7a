"""Residual networks of any depth."""

import abc
from typing import Annotated, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from components.constraints import MultipleOf, OneOf, PositiveInt, check
from components.networks.layers import (
    LAYERS_PER_BLOCK,
    Activation,
    Block,
    ComputeDtype,
    Dense,
    Layer,
)
from components.networks.residual_blocks import (
    PackedBlocks,
    Step,
    fold_blocks,
    stack_blocks,
    with_skips,
)
from components.networks.residual_network import (
    fused_where_possible,
    mosaic_where_possible,
    residual_network,
)
from components.networks.residual_stack import residual_stack
from components.networks.stack_form import (
    Kernel,
    StackForm,
    chosen_kernel,
    chosen_precision,
)

Depth = Annotated[int, MultipleOf(LAYERS_PER_BLOCK)]
Kept = Annotated[str, OneOf(("dense_outputs", "block_inputs"))]
SkipEvery = Annotated[int, OneOf((4, 2, 1, 0))]


class BlockNorms(NamedTuple):
    """L2 norms inside a residual network, for one example.

    Attributes:
        added: norm of what each block adds to the residual stream.
        stream: norm of the stream that enters the block.
    """

    added: Float[Array, " blocks"]
    stream: Float[Array, " blocks"]


class AbstractResidualNetwork(eqx.Module):
    """A network of residual blocks whose inner norms can be measured."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the network's output for one example."""

    @abc.abstractmethod
    def block_norms(self, x: Float[Array, " in"]) -> BlockNorms:
        """Measure what each block adds to the residual stream of one example, first block first."""


def scan_norms(added: Step, blocks: Block | PackedBlocks, x: Float[Array, " width"]) -> BlockNorms:
    """Measure norms along `x <- x + added(x, block)`, first block first."""

    def step(x: Array, block: PyTree) -> tuple[Array, BlockNorms]:
        y = added(x, block)
        return x + y, BlockNorms(jnp.linalg.norm(y), jnp.linalg.norm(x))

    stacked = blocks.stacked() if isinstance(blocks, PackedBlocks) else blocks
    return jax.lax.scan(step, x, stacked)[1]


class AbstractResidualMLP(AbstractResidualNetwork):
    r"""Input layer, residual blocks of four layers, output $x_N W + b$.

    Each branch is multiplied by `branch_scale` before it is added to the residual stream.
    """

    depth: int = eqx.field(static=True)
    skip_every: int = eqx.field(static=True)
    branch_scale: float = eqx.field(static=True)
    keep: str = eqx.field(static=True)
    kernel: str = eqx.field(static=True)
    input: Layer
    blocks: Block | PackedBlocks  # stacked where they are scanned
    output: Dense

    def __init__(
        self,
        width: int,
        depth: int,
        activation: Activation,
        normalise: bool,
        skip_every: int,
        branch_scale: float,
        compute_dtype: str,
        keep: str,
        kernel: str,
        *,
        in_size: int,
        out_size: int,
        key: Key[Array, ""],
    ):
        """Args: those of `ResidualMLP`, and `branch_scale`."""
        input_key, blocks_key, output_key = jax.random.split(key, 3)
        self.depth, self.skip_every, self.branch_scale = depth, skip_every, branch_scale
        self.keep, self.kernel = keep, kernel
        self.input = Layer(in_size, width, activation, normalise, key=input_key)
        blocks = stack_blocks(width, depth, activation, normalise, compute_dtype, key=blocks_key)
        self.blocks = blocks if chosen_kernel(kernel) == "scan" else PackedBlocks(blocks)
        self.output = Dense(width, out_size, key=output_key)

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """Return the network's output for one example."""
        blocks = self.blocks
        if isinstance(blocks, Block):
            step = lambda x, block: with_skips(x, block, self.skip_every, self.branch_scale)  # noqa: E731
            return self.output(fold_blocks(step, blocks, self.input(x), self.keep))
        form = StackForm(
            activation=blocks.activation,
            skip_every=self.skip_every,
            branch_scale=self.branch_scale,
            precision=chosen_precision(blocks.compute_dtype),
            keep=self.keep,
        )
        width = blocks.weights.shape[-1]
        if chosen_kernel(self.kernel) == "fused":
            form = fused_where_possible(form, width, asked=self.kernel == "fused")
        elif self.kernel == "mosaic":
            form = mosaic_where_possible(form, width)
        if form.ends:
            return residual_network(x, self.input, blocks, self.output, form)
        return self.output(residual_stack(self.input(x), blocks.weights, blocks.vectors, form))


class ResidualMLP(AbstractResidualMLP):
    r"""A residual network of `depth` dense layers in blocks of four, after an input layer.

    $x_0 = \mathrm{layer}(x)$, $x_{k+1} = x_k + \mathrm{block}_k(x_k)$, output $x_N W + b$ with
    $N = \mathrm{depth}/4$; a layer is Dense, LayerNorm, activation. The residual stream grows with
    depth: see `StableResidualMLP` for one that does not.

    Reference: Wang et al., "1000 Layer Networks for Self-Supervised RL", 2025, figure 2.
    """

    def __init__(
        self,
        width: PositiveInt = 256,
        depth: Depth = 4,
        activation: Activation = jax.nn.swish,
        normalise: bool = True,
        skip_every: SkipEvery = 4,
        compute_dtype: ComputeDtype = "float32",
        keep: Kept = "dense_outputs",
        kernel: Kernel = "auto",
        *,
        in_size: int,
        out_size: int,
        key: Key[Array, ""],
    ):
        """Args:
            width: numbers between layers.
            depth: dense layers in the blocks; neither the input nor the output layer counts.
            activation: elementwise function.
            normalise: whether layers have a LayerNorm.
            skip_every: dense layers that each residual connection passes over: 4 as in the paper, 2
                or 1; with 0 there are none and the network is a plain one.
            compute_dtype: of the matrix products in blocks. Parameters, normalisation, the residual
                stream and the first and last layer are float32 in any case.
            keep: what is kept for the backward pass in addition to the inputs of blocks: the
                outputs of dense layers, or nothing, which takes less memory and more time.
            kernel: how blocks run. 'xla' has its own derivative and, up to 64 layers on a GPU, no
                loop; 'fused' is one GPU kernel for all layers and one for their derivative;
                'mosaic' is the same for Hopper GPUs alone, and no GPU has run it; 'auto' is the
                form that was measured to be fastest on the kind of device, and a scan on a CPU.
            in_size: numbers in the input.
            out_size: numbers in the output.
            key: random key of the weights.

        Raises:
            SettingError: `width` is not positive, `depth` is not a multiple of four, or another
                setting is not one of its options.
        """
        checked = {"compute_dtype": compute_dtype, "keep": keep, "kernel": kernel}
        check(ResidualMLP, width=width, depth=depth, skip_every=skip_every, **checked)
        super().__init__(
            width,
            depth,
            activation,
            normalise,
            skip_every,
            1.0,
            compute_dtype,
            keep,
            kernel,
            in_size=in_size,
            out_size=out_size,
            key=key,
        )

    def block_norms(self, x: Float[Array, " in"]) -> BlockNorms:
        """Measure what each block adds to the residual stream of one example, first block first."""
        added = lambda x, block: with_skips(x, block, self.skip_every) - x  # noqa: E731
        return scan_norms(added, self.blocks, self.input(x))


class StableResidualMLP(AbstractResidualMLP):
    r"""`ResidualMLP` with branches divided by their number: outputs do not grow with depth.

    $x_{k+1} = x_k + \frac1N \mathrm{block}_k(x_k)$ with $N = \mathrm{depth}/4$, otherwise as
    `ResidualMLP`, parameters included. Chosen by measurement: `benchmarks/depth_stability.md`.
    """

    def __init__(
        self,
        width: PositiveInt = 256,
        depth: Depth = 4,
        activation: Activation = jax.nn.swish,
        normalise: bool = True,
        compute_dtype: ComputeDtype = "float32",
        keep: Kept = "dense_outputs",
        kernel: Kernel = "auto",
        *,
        in_size: int,
        out_size: int,
        key: Key[Array, ""],
    ):
        """Args:
            width: numbers between layers.
            depth: dense layers in the blocks; neither the input nor the output layer counts.
            activation: elementwise function.
            normalise: whether layers have a LayerNorm.
            compute_dtype: of the matrix products in blocks. Parameters, normalisation, the residual
                stream and the first and last layer are float32 in any case.
            keep: what is kept for the backward pass in addition to the inputs of blocks: the
                outputs of dense layers, or nothing, which takes less memory and more time.
            kernel: how blocks run. 'xla' has its own derivative and, up to 64 layers on a GPU, no
                loop; 'fused' is one GPU kernel for all layers and one for their derivative;
                'mosaic' is the same for Hopper GPUs alone, and no GPU has run it; 'auto' is the
                form that was measured to be fastest on the kind of device, and a scan on a CPU.
            in_size: numbers in the input.
            out_size: numbers in the output.
            key: random key of the weights.

        Raises:
            SettingError: `width` is not positive, `depth` is not a multiple of four, or another
                setting is not one of its options.
        """
        checked = {"compute_dtype": compute_dtype, "keep": keep, "kernel": kernel}
        check(StableResidualMLP, width=width, depth=depth, **checked)
        super().__init__(
            width,
            depth,
            activation,
            normalise,
            LAYERS_PER_BLOCK,
            LAYERS_PER_BLOCK / depth,
            compute_dtype,
            keep,
            kernel,
            in_size=in_size,
            out_size=out_size,
            key=key,
        )

    def block_norms(self, x: Float[Array, " in"]) -> BlockNorms:
        """Measure what each block adds to the residual stream of one example, first block first."""
        added = lambda x, block: self.branch_scale * block(x)  # noqa: E731
        return scan_norms(added, self.blocks, self.input(x))

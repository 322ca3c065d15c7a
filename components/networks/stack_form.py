"""Holds what is static about a stack of residual layers when its program is compiled."""

from typing import Annotated, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from components.constraints import OneOf
from components.networks.layers import LAYERS_PER_BLOCK, Activation
from components.target_devices import target_devices, target_platform

Kernel = Annotated[str, OneOf(("auto", "xla", "fused", "mosaic"))]
# Weights and vectors of a stack (nets, layers, ...); for a whole network also those of the layer
# before it, and weights and bias of the one after it (nets, ...).
Parameters: TypeAlias = tuple[Array, ...]
Saved: TypeAlias = tuple[Array, ...]  # axes of examples in `StackForm.saved_axes`

# What 'auto' means on a single device of each kind. On a CPU it is a scan, whose results are
# recorded bit for bit. An H100 is faster with 'fused' at every depth from 4 to 1024, in tf32 and in
# bfloat16.
AUTO_KERNEL = {"cpu": "scan", "gpu": "fused"}

EPSILON = 1e-6  # of LayerNorm
_TF32 = ("default", "fastest", "bfloat16", "tensorfloat32", "TF32_TF32_F32")
_TF32X3 = ("high", "bfloat16_3x", "TF32_TF32_F32_X3")


class Tile(NamedTuple):
    """The division of a fused kernel into programs.

    Attributes:
        rows: examples in one program.
        warps: groups of 32 threads in one program.
        stages: stages of the pipeline that loads weights.
    """

    rows: int = 16
    warps: int = 8
    stages: int = 3


class StackForm(NamedTuple):
    """Everything about a stack of layers except its arrays.

    Attributes:
        activation: elementwise function.
        skip_every: layers that each residual connection passes over; 0 for none.
        branch_scale: factor of what a branch adds to the residual stream.
        precision: precision of the products: tf32, tf32x3, float32 or bfloat16.
        keep: what the plain form keeps for its backward pass.
        fused: whether a GPU runs each pass as one kernel.
        pallas: which of Pallas's compilers makes the kernels: triton or mosaic.
        ends: precision of the products of the layers before and after the stack; None if they are
            not part of the operation.
        tile: how the fused kernels are divided.
        interpret: whether fused kernels are interpreted on any device, for tests.
        mesh: of the devices that share the batch of fused kernels, or None.
    """

    activation: Activation
    skip_every: int
    branch_scale: float
    precision: str
    keep: str = "dense_outputs"
    fused: bool = False
    pallas: str = "triton"
    ends: str | None = None
    tile: Tile = Tile()
    interpret: bool = False
    mesh: Mesh | None = None

    @property
    def saved_axes(self) -> tuple[int, ...]:
        """Return the axis of examples in each array that is kept for the backward pass."""
        by_layer = 3 if self.fused else 1 if self.keep == "block_inputs" else 2
        return *[2] * by_layer, *[1] * (4 if self.ends else 0)

    @property
    def product_type(self) -> jnp.dtype:
        """Return the type of the factors of products."""
        return jnp.dtype("bfloat16" if self.precision == "bfloat16" else "float32")


def xla_precision(precision: str | None) -> jax.lax.Precision:
    """Return the precision of products outside of kernels for one of `StackForm`."""
    named = {"float32": jax.lax.Precision.HIGHEST, "tf32x3": jax.lax.Precision.HIGH}
    return named.get(precision or "", jax.lax.Precision.DEFAULT)


def chosen_kernel(kernel: str) -> str:
    """Return what a setting stands for on the target devices: scan, xla, fused or mosaic."""
    backend = target_platform()
    if kernel != "auto":
        return kernel
    # XLA cannot divide a kernel: several devices would each compute the whole batch.
    if backend != "cpu" and len(target_devices()) > 1:
        return "xla"
    return AUTO_KERNEL.get(backend, "scan")


def chosen_precision(compute_dtype: str) -> str:
    """Return the precision of a network's products, from its setting and JAX's own.

    Args:
        compute_dtype: float32 or bfloat16. For float32, `jax_default_matmul_precision` decides;
            if it is unset, products are tf32 on GPUs that have it, as in JAX itself.
    """
    if compute_dtype == "bfloat16":
        return compute_dtype
    wanted = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
    if wanted is None or wanted in _TF32:
        return "tf32"
    return "tf32x3" if wanted in _TF32X3 else "float32"


def block_count(weights: Float[Array, "nets layers width width"]) -> int:
    """Return the number of blocks of four layers in a stack."""
    return weights.shape[1] // LAYERS_PER_BLOCK

"""Describes what a program of a Mosaic GPU kernel holds in shared memory."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.experimental.pallas import mosaic_gpu

from components.networks.stack_form import StackForm

COMPUTING = 2  # warpgroups that compute; one more fetches weights
SCRATCH = 8  # arguments of a kernel that `scratch_types` describes
_PIECE_BYTES = 3 * 2**14  # of weights that are fetched at once, at most
_SLOTS = 4
_THREADS = 128  # of a warpgroup


class Pieces(NamedTuple):
    """The way of a layer's weights through shared memory.

    Attributes:
        columns: columns of the weights in one piece.
        count: pieces of a layer.
        slots: pieces that shared memory holds.
        swizzle: bytes of a row of a piece, which are stored permuted.
    """

    columns: int
    count: int
    slots: int
    swizzle: int


def pieces_of(width: int, form: StackForm) -> Pieces:
    """Return how weights of (width, width) are divided."""
    swizzle = 128 if 128 * width <= _PIECE_BYTES else 64
    columns = swizzle // form.product_type.itemsize
    count = width // columns
    # Slots are constants of the program where warpgroups' shares begin with the same one.
    share = count if count <= _SLOTS else count // COMPUTING
    slots = max(n for n in range(1, _SLOTS + 1) if share % n == 0)
    return Pieces(columns, count, slots, swizzle)


def scratch_types(width: int, form: StackForm) -> list[Any]:
    """Return the shared memory and barriers of a program, as `Team` takes them."""
    pieces, rows, dtype = pieces_of(width, form), form.tile.rows, form.product_type
    tiling = mosaic_gpu.TilingTransform((8, pieces.columns))
    transforms = (tiling, mosaic_gpu.SwizzleTransform(pieces.swizzle))
    return [
        mosaic_gpu.SMEM((pieces.slots, width, pieces.columns), dtype, transforms=transforms),
        mosaic_gpu.SMEM((COMPUTING, rows, width // COMPUTING), dtype, transforms=transforms),
        mosaic_gpu.SMEM((COMPUTING, 2, rows), jnp.float32),
        mosaic_gpu.SMEM((COMPUTING, _THREADS * rows // 4), jnp.float32),
        mosaic_gpu.Barrier(num_barriers=pieces.slots),
        mosaic_gpu.Barrier(num_arrivals=COMPUTING, num_barriers=pieces.slots),
        mosaic_gpu.Barrier(num_arrivals=COMPUTING),
        mosaic_gpu.Barrier(num_arrivals=COMPUTING),
    ]

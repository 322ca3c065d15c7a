"""Lets the warpgroups of a Mosaic GPU kernel fetch weights, multiply, and exchange sums.

Of a program's three warpgroups the last one only fetches weights: a ring of slots in shared memory
holds pieces of a layer's weights, which arrive while the two others still compute. Those own half
of the features each and hold them transposed, (features, rows): a wgmma instruction computes at
least 64 rows of its result, and a program has few examples.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import mosaic_gpu
from jaxtyping import Array, Float

from components.networks.mosaic_memory import COMPUTING, pieces_of
from components.networks.stack_form import StackForm

_UNROLLED = 8  # pieces; more would need more registers than there are
_REGISTERS, _REGISTERS_TO_FETCH = 232, 40  # of a thread
_BLOCK = mosaic_gpu.Layout.WGMMA
_BY_FEATURE, _BY_ROW = _BLOCK.reduce(1), _BLOCK.reduce(0)

# Keeps the first ten bits of a mantissa, rounded: tensor cores would drop the others.
_TF32_HALF, _TF32_MASK = 0x1000, ~0x1FFF


def rounded(x: Array, form: StackForm) -> Array:
    """Return the factors of products: in bfloat16, or rounded to tf32 and still float32."""
    if form.precision != "tf32" or form.interpret:
        return x.astype(form.product_type)
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    bits = (bits + jnp.int32(_TF32_HALF)) & jnp.int32(_TF32_MASK)
    return jax.lax.bitcast_convert_type(bits, jnp.float32)


@dataclasses.dataclass(frozen=True)
class Team:
    """The warpgroups of a program, seen by one of them.

    Interpreted, products and copies are plain reads and writes, whose order the interpreter checks.

    Attributes:
        form: of the stack.
        width: numbers between layers.
        ring: (slots, width, columns), pieces of weights.
        stream: (warpgroup, rows, features), the right factor of products.
        sums: (warpgroup, 2, rows), what a warpgroup tells the other.
        parts: (warpgroup, n), for sums over the warps of a warpgroup.
        full: a barrier per slot, passed when a piece has arrived.
        empty: a barrier per slot, passed when both warpgroups have multiplied with a piece.
        exchanged: a barrier that both pass when `sums` are written and `stream` has been read.
        written: a barrier that both pass when `stream` is written.
    """

    form: StackForm
    width: int
    ring: Any
    stream: Any
    sums: Any
    parts: Any
    full: Any
    empty: Any
    exchanged: Any
    written: Any

    @property
    def group(self) -> Array:
        """Return the number of this warpgroup."""
        return jax.lax.axis_index("group")

    @property
    def features(self) -> Any:
        """Return the features of this warpgroup."""
        half = self.width // COMPUTING
        return pl.ds(self.group * half, half)

    @property
    def rows(self) -> Any:
        """Return the examples of this program."""
        return pl.ds(jax.lax.axis_index("tile") * self.form.tile.rows, self.form.tile.rows)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Return the shape of what a warpgroup holds of the stream."""
        return self.width // COMPUTING, self.form.tile.rows

    def run(
        self, weights: Any, order: Callable[[Array], Array], compute: Callable[[], None]
    ) -> None:
        """Let one warpgroup fetch the weights of a net's layers, and the others compute.

        Args:
            weights: (layers, width, width) in global memory.
            order: the layer that is the i-th to be computed.
            compute: what two warpgroups do; it takes one `product` per layer.
        """

        @pl.when(self.group == COMPUTING)
        def _():
            mosaic_gpu.set_max_registers(_REGISTERS_TO_FETCH, action="decrease")
            self._fetch(weights, order)

        @pl.when(self.group < COMPUTING)
        def _():
            mosaic_gpu.set_max_registers(_REGISTERS, action="increase")
            for slot in range(pieces_of(self.width, self.form).slots):
                mosaic_gpu.barrier_arrive(self.empty.at[slot])
            compute()
            mosaic_gpu.wait_smem_to_gmem(0)

    def _fetch(self, weights: Any, order: Callable[[Array], Array]) -> None:
        """Fetch piece after piece, each as soon as its slot is empty."""
        pieces = pieces_of(self.width, self.form)

        def layer(step: Array, _: None) -> None:
            for piece in range(pieces.count):
                slot = piece % pieces.slots
                part = pl.ds(piece * pieces.columns, pieces.columns)
                mosaic_gpu.barrier_wait(self.empty.at[slot])
                mosaic_gpu.copy_gmem_to_smem(
                    weights.at[order(step), :, part], self.ring.at[slot], self.full.at[slot]
                )

        jax.lax.fori_loop(0, weights.shape[0], layer, None)
        for slot in range(pieces.slots):
            mosaic_gpu.barrier_wait(self.empty.at[slot])

    def product(self) -> Float[Array, "features rows"]:
        """Return the weights of the next layer times the stream, for this warpgroup's features."""
        if self.form.interpret:
            return self._accumulate(_multiply_plainly, jnp.zeros(self.block_shape, jnp.float32))

        def accumulate(total: Any) -> Array:
            self._accumulate(lambda _, *factors: _multiply(total, *factors), None)
            return total[...]

        return pl.run_scoped(accumulate, mosaic_gpu.ACC(self.block_shape, jnp.float32))

    def _accumulate(self, add: Callable[..., Any], total: Any) -> Any:
        """Call `total = add(total, weights, stream)` for every piece of a layer, and return it."""
        pieces = pieces_of(self.width, self.form)
        share = pieces.count // COMPUTING  # pieces that meet what one warpgroup has written
        if pieces.count <= _UNROLLED:
            places = [divmod(piece, share) for piece in range(pieces.count)]
            return self._accumulate_at(places, add, total)
        for group in range(COMPUTING):

            def turn(i: Array, total: Any, group: int = group) -> Any:
                places = [(group, i * pieces.slots + slot) for slot in range(pieces.slots)]
                return self._accumulate_at(places, add, total)

            total = jax.lax.fori_loop(0, share // pieces.slots, turn, total)
        return total

    def _accumulate_at(self, places: list[tuple], add: Callable[..., Any], total: Any) -> Any:
        """Do the same for some pieces, of which the first lies in the first slot.

        A slot is given back when the product with the next piece has begun.
        """
        pieces = pieces_of(self.width, self.form)
        for piece, (group, place) in enumerate(places):
            slot = piece % pieces.slots
            mosaic_gpu.barrier_wait(self.full.at[slot])
            part = pl.ds(place * pieces.columns, pieces.columns)
            total = add(total, self.ring.at[slot, self.features], self.stream.at[group, :, part])
            if piece:
                mosaic_gpu.wgmma_wait(1)
                mosaic_gpu.barrier_arrive(self.empty.at[(piece - 1) % pieces.slots])
        mosaic_gpu.wgmma_wait(0)
        mosaic_gpu.barrier_arrive(self.empty.at[(len(places) - 1) % pieces.slots])
        return total

    def publish(self, block: Float[Array, "features rows"]) -> None:
        """Write this warpgroup's features of the stream, and wait for those of the other.

        Both must have read the stream's previous values: `exchange` comes in between.
        """
        part = rounded(block, self.form)
        if self.form.interpret:
            self.stream[self.group] = part.T
        else:
            mosaic_gpu.wait_smem_to_gmem(0, wait_read_only=True)
            transposed = mosaic_gpu.layout_cast(part, mosaic_gpu.Layout.WGMMA_TRANSPOSED)
            mosaic_gpu.transpose_ref(self.stream.at[self.group], (1, 0))[...] = transposed
            mosaic_gpu.commit_smem()
        _meet(self.written)

    def keep_stream(self, kept: Any) -> None:
        """Begin to copy this warpgroup's features of the stream.

        Args:
            kept: (rows, width) in global memory.
        """
        part = self.stream.at[self.group]
        if self.form.interpret:
            kept[:, self.features] = part[...]
        else:
            mosaic_gpu.copy_smem_to_gmem(part, kept.at[:, self.features])

    def sum_features(self, block: Float[Array, "features rows"]) -> Float[Array, " rows"]:
        """Return the sum over this warpgroup's features.

        The two warpgroups would disturb each other in `jnp.sum`, which has one place for both.
        """
        if self.form.interpret:
            return jnp.sum(block, axis=0)
        total = mosaic_gpu.ShapeDtypeStruct((block.shape[1],), jnp.float32, layout=_BY_ROW)
        types = {"arg_types": (_BLOCK, mosaic_gpu.RefType()), "return_type": total}
        add = lambda _, block, parts: block.reduce("add", 0, scratch=parts)  # noqa: E731
        return mosaic_gpu.inline_mgpu(**types)(add)(block, self.parts.at[self.group])

    def exchange(self, *values: Float[Array, " rows"]) -> list[Float[Array, " rows"]]:
        """Return the same values of the other warpgroup, which is done with the stream as well."""
        for i, value in enumerate(values):
            self.sums[self.group, i] = value
        _meet(self.exchanged)
        other = COMPUTING - 1 - self.group
        return [self._load(self.sums.at[other, i], _BY_ROW) for i in range(len(values))]

    def block(self, ref: Any) -> Float[Array, "features rows"]:
        """Load this warpgroup's features of (width, rows) in global memory."""
        return self._load(ref.at[self.features, self.rows], _BLOCK).astype(jnp.float32)

    def store(self, ref: Any, block: Float[Array, "features rows"]) -> None:
        """Store this warpgroup's features of (width, rows) in global memory."""
        ref[self.features, self.rows] = block.astype(ref.dtype)

    def vector(self, ref: Any) -> Float[Array, "features rows"]:
        """Load this warpgroup's features of (width,), the same for every row."""
        return self._spread(self._load(ref.at[self.features], _BY_FEATURE), 0)

    def per_row(self, ref: Any) -> Float[Array, "features rows"]:
        """Load a number for each row, the same for every feature."""
        return self.over_features(self._load(ref.at[self.rows], _BY_ROW))

    def over_features(self, values: Float[Array, " rows"]) -> Float[Array, "features rows"]:
        """Repeat a number per row for every feature."""
        return self._spread(values, 1)

    def _spread(self, values: Array, axis: int) -> Float[Array, "features rows"]:
        spread = jax.lax.broadcast_in_dim(values, self.block_shape, (axis,))
        return spread if self.form.interpret else mosaic_gpu.layout_cast(spread, _BLOCK)

    def _load(self, ref: Any, layout: Any) -> Array:
        if self.form.interpret:
            return ref[...]
        return mosaic_gpu.load(ref, (), layout=layout, optimized=False)


def _multiply(total: Any, weights: Any, stream: Any) -> None:
    """Begin to add the product of a piece of weights and its part of the stream."""
    mosaic_gpu.wgmma(total, weights, mosaic_gpu.transpose_ref(stream, (1, 0)))


def _multiply_plainly(total: Array, weights: Any, stream: Any) -> Array:
    """Return the total with this product added."""
    factors = (part[...].astype(jnp.float32) for part in (weights, stream))
    return total + jnp.einsum("fk,rk->fr", *factors, precision="highest")


def _meet(barrier: Any) -> None:
    """Wait until the other warpgroup is here, too."""
    mosaic_gpu.barrier_arrive(barrier)
    mosaic_gpu.barrier_wait(barrier)

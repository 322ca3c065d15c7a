"""Gradient accumulation: the gradient of a batch from micro-batches, one after the other."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from optax.microbatching import AccumulationType, microbatch

from components.replay.batch import Batch

MICRO_BATCHES = "micro_batches"  # the scope of the loop over them
Module = TypeVar("Module")
BatchLoss: TypeAlias = Callable[[Module, Batch, Key[Array, ""]], tuple[Float[Array, ""], Any]]
# Learners and losses fold small numbers into their keys, and this one is none of them.
_STREAM = 2**31


def accumulated_gradient(
    loss: BatchLoss[Module],
    module: Module,
    batch: Batch,
    key: Key[Array, ""],
    micro_batches: int,
) -> tuple[tuple[Float[Array, ""], dict[str, Any]], Module]:
    """Differentiate a loss in equal micro-batches, and average what they give.

    Only the activations of one micro-batch exist at a time. The average is the loss of the whole
    batch if that is a mean over transitions. A loss that compares the transitions of a batch, as
    contrastive losses do, compares those of a micro-batch.

    Args:
        loss: maps the module, a micro-batch and its key to a scalar and a dict of metrics.
        module: module to differentiate in.
        batch: of a size that `micro_batches` divides. Number i of them has the transitions i,
            i + `micro_batches` and so on, so that devices which share the batch share each.
        key: from which each micro-batch derives one of its own.
        micro_batches: their number.

    Returns:
        What `eqx.filter_value_and_grad` returns: loss and metrics, and the gradient. Scalar metrics
        are averaged; those with a row for each transition have the rows of the whole batch.
    """
    differentiate = eqx.filter_value_and_grad(loss, has_aux=True)
    own_stream = jax.random.fold_in(key, _STREAM)
    (size,) = batch.reward.shape

    def of_part(part: Batch, rows: Array) -> Any:
        # The first row of a micro-batch is its number.
        return differentiate(module, part, jax.random.fold_in(own_stream, rows[0]))

    mean, joined = AccumulationType.MEAN, AccumulationType.CONCAT
    accumulate = microbatch(
        of_part, (0, 1), size // micro_batches, accumulator=((mean, joined), mean)
    )
    with jax.named_scope(MICRO_BATCHES):
        (value, found), gradient = accumulate(batch, jnp.arange(size, dtype=jnp.uint32))
    metrics = jax.tree.map(lambda x: jnp.mean(x) if x.shape == (micro_batches,) else x, found)
    return (value, metrics), gradient

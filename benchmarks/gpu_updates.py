"""Updates per second of the whole contrastive update, and the card's own rates beside them."""

import contextlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from gpu_common import (
    Measurement,
    Result,
    Row,
    experiment_of,
    is_shape,
    memory_of,
    rate_of,
)
from gpu_profile import launched_kernels, longest_kernels

TRACED_UPDATES = 10


def update_rate(row: Row) -> Measurement:
    """Measure updates of all networks on a made-up batch, in a loop as in training."""
    learner, sizes, rows = learner_of(row)
    state = eqx.filter_eval_shape(learner.init, sizes, jax.random.key(0))
    shapes, static = eqx.partition(state, is_shape)
    batch = batch_shapes(sizes, rows)

    def several(arrays: Any, batch: Any, count: jax.Array) -> Any:
        def one(index: jax.Array, arrays: Any) -> Any:
            state = eqx.combine(arrays, static)
            state, _ = learner.update(state, batch, jax.random.key(index))
            return eqx.filter(state, eqx.is_array)

        return jax.lax.fori_loop(0, count, one, arrays)

    with precision_of(row):
        number = jax.ShapeDtypeStruct((), jnp.int32)
        lowered = jax.jit(several, donate_argnums=0).lower(shapes, batch, number)
    initial = jax.jit(lambda key: eqx.filter(learner.init(sizes, key), eqx.is_array))
    begin, update = yield [initial.lower(jax.random.key(0)), lowered]
    latest, data = [begin.call(jax.random.key(0))], batch_of(sizes, rows)
    operations = operations_of(eqx.combine(latest[0], static).networks, rows)

    def call(count: int) -> None:
        number = jnp.asarray(count, jnp.int32)
        latest[0] = jax.block_until_ready(update.call(latest[0], data, number))

    found = rate_of(call)
    kernels = launched_kernels(lambda: call(TRACED_UPDATES)) if row.get("profile") else []
    return {
        **found,
        "kernels_per_update": len(kernels) / TRACED_UPDATES,
        "busy_milliseconds": sum(kernel.milliseconds for kernel in kernels) / TRACED_UPDATES,
        "longest": longest_kernels(kernels, TRACED_UPDATES),
        "teraflops": operations * found["per_second"] / 1e12,
        "compile_seconds": update.seconds,
        "memory_mib": memory_of(update.call),
    }


def learner_of(row: Row) -> tuple[Any, Any, int]:
    """Return the learner of a row, the sizes of its task and the transitions of its batches."""
    kind = "bfloat16" if row["precision"] == "bfloat16" else "float32"
    settings = [f"network.ResidualMLP.compute_dtype='{kind}'", f"BATCH_SIZE={row['batch']}"]
    settings += [f"WIDTH={row['width']}", f"network.ResidualMLP.kernel='{row['kernel']}'"]
    experiment = experiment_of({**row, "set": settings})
    (learner,) = experiment.learners.values()
    return learner, experiment.environment.dims, row["batch"]


def precision_of(row: Row) -> contextlib.AbstractContextManager:
    """Set the precision of float32 products while a program is traced."""
    if row["precision"] == "highest":
        return jax.default_matmul_precision("highest")
    return contextlib.nullcontext()


def batch_shapes(sizes: Any, rows: int) -> Any:
    """Return a batch of the task with shapes in place of arrays."""
    from dsl.training.memory import batch_shape

    return batch_shape(sizes, rows)


def batch_of(sizes: Any, rows: int) -> Any:
    """Draw a batch of random numbers."""
    shapes = batch_shapes(sizes, rows)
    keys = jax.random.split(jax.random.key(1), len(shapes))
    draws = [jax.random.uniform(k, of.shape) for k, of in zip(keys, shapes, strict=True)]
    return type(shapes)(*draws)


def operations_of(networks: Any, batch: int) -> float:
    """Count floating-point operations of one contrastive update: 2 per weight and example.

    Critic: forward and backward (three times forward) of both encoders, and of the pairwise
    distances. Actor: forward and backward; forward of both encoders, backward to the action. What a
    backward pass computes again is not counted.
    """

    def weights(network: Any) -> int:
        return sum(x.size for x in jax.tree.leaves(network) if x.ndim > 1)

    critic = networks.critic
    state_action, goal = weights(critic.state_action_encoder), weights(critic.goal_encoder)
    per_example = 3 * (state_action + goal) + 3 * weights(networks.actor) + 2 * state_action + goal
    pairs = 3 * batch * critic.goal_encoder.output.weight.shape[-1]
    return 2.0 * batch * (per_example + pairs)


def card_rates(row: Row) -> Measurement:
    """Measure the card itself: one large product in each precision, and one large copy."""
    size = row["size"]
    kinds = {"tf32": "float32", "highest": "float32", "bfloat16": "bfloat16"}

    def product(kind: str) -> Any:
        precision = "highest" if kind == "highest" else None
        shape = jax.ShapeDtypeStruct((size, size), kinds[kind])
        return jax.jit(lambda a: jnp.matmul(a, a, precision=precision)).lower(shape)

    copied = jax.ShapeDtypeStruct((size * size * 4,), jnp.float32)
    *products, copy = yield [*map(product, kinds), jax.jit(lambda x: -x).lower(copied)]
    found: Result = {}
    for kind, compiled in zip(kinds, products, strict=True):
        matrix = jax.random.normal(jax.random.key(0), (size, size), kinds[kind])
        found[f"{kind}_teraflops"] = 2 * size**3 * _rate(compiled.call, matrix) / 1e12
    vector = jax.random.normal(jax.random.key(0), copied.shape)
    found["copy_terabytes_per_second"] = 2 * vector.nbytes * _rate(copy.call, vector) / 1e12
    return found


def _rate(call: Any, operand: jax.Array) -> float:
    """Return calls per second, one started after the other without waiting."""

    def several(count: int) -> None:
        for _ in range(count):
            latest = call(operand)  # the one before it gives its memory back
        jax.block_until_ready(latest)

    return rate_of(several, most=50)["per_second"]

"""Compares an accelerator with the CPU: updates, physics, split programs."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from gpu_common import Measurement, Row, experiment_of, is_shape
from gpu_updates import batch_of, learner_of, precision_of

from components.target_devices import sharing_batches

CONTROL_STEPS = (1, 10)


def update_error(row: Row) -> Measurement:
    """Compare gradients of one update with those of the CPU in full float32, by network.

    What is compared are the first moments of Adam after one update, a tenth of the gradients, as
    vectors over all parameters: |difference| / |reference|. `split` compares the update whose batch
    the accelerators share (a single one has all of it) with the update of one of them.
    """
    (learner, sizes, rows), cpu = learner_of(row), jax.local_devices(backend="cpu")[0]
    plain_row = {**row, "kernel": "xla", "precision": "highest"}
    plain, *_ = learner_of(plain_row)
    with jax.default_device(cpu):
        state, batch = plain.init(sizes, jax.random.key(0)), batch_of(sizes, rows)
        arrays = jax.tree.leaves(eqx.filter(state, eqx.is_array))
    mesh = jax.sharding.Mesh(jax.devices(), ("devices",))
    places = {
        "cpu": (cpu, cpu),
        "one": (jax.devices()[0], jax.devices()[0]),
        "split": tuple(
            jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
            for axes in ((), ("devices",))
        ),
    }

    def placed(place: str) -> tuple[Any, ...]:
        return tuple(map(jax.device_put, (arrays, batch), places[place]))

    lowered = [_lower_moments(plain, sizes, plain_row, placed("cpu"))]
    lowered.append(_lower_moments(learner, sizes, row, placed("one")))
    with sharing_batches(mesh):
        lowered.append(_lower_moments(learner, sizes, row, placed("split")))
    programs = yield lowered
    right, one, split = (
        program.call(*placed(place)) for program, place in zip(programs, places, strict=True)
    )
    errors = {f"{name}_error": relative_error(one[name], right[name]) for name in right}
    return {**errors, "split_error": relative_error(split, one)}


def _lower_moments(learner: Any, sizes: Any, row: Row, placed: tuple[Any, ...]) -> Any:
    """Lower an update that returns the first moments of Adam, by network.

    Args:
        learner: to update.
        sizes: of its task.
        row: which names the precision of products.
        placed: arrays of its state and of a batch, on the devices that run the update.
    """
    shapes = eqx.filter_eval_shape(learner.init, sizes, jax.random.key(0))
    dynamic, static = eqx.partition(shapes, is_shape)

    def moments(arrays: list[jax.Array], batch: Any) -> Any:
        own = jax.tree.unflatten(jax.tree.structure(dynamic), arrays)
        state, _ = learner.update(eqx.combine(own, static), batch, jax.random.key(2))
        named = {name: getattr(state.optimisers, name) for name in ("critic", "actor")}
        return {name: first_moment(found) for name, found in named.items()}

    with precision_of(row):
        return jax.jit(moments).lower(*placed)


def first_moment(optimiser_state: Any) -> Any:
    """Return the first moments that Adam keeps."""
    import optax

    return optax.tree.get(optimiser_state, "mu")


def physics_error(row: Row) -> Measurement:
    """Compare positions after control steps with those of the CPU, and of a split program.

    Trajectories of contact-rich physics part in time: a few steps tell errors from chaos.
    """
    environment, envs = experiment_of(row).environment, row["envs"]
    cpu, accelerator = jax.local_devices(backend="cpu")[0], jax.devices()[0]
    with jax.default_device(cpu):
        keys = jax.random.split(jax.random.key(0), envs)
        state, _ = jax.jit(jax.vmap(environment.reset))(keys)
        shape = (max(CONTROL_STEPS), envs, environment.dims.action)
        actions = jax.random.uniform(jax.random.key(1), shape, minval=-1.0)

    def positions(state: Any, actions: jax.Array) -> jax.Array:
        def step(state: Any, action: jax.Array) -> Any:
            state, _ = jax.vmap(environment.step)(state, action)
            return state, state.physics_state.qpos

        return jax.lax.scan(step, state, actions)[1]

    mesh = jax.sharding.Mesh([accelerator], ("devices",))
    over, second = (
        jax.sharding.PartitionSpec("devices"),
        jax.sharding.PartitionSpec(None, "devices"),
    )
    split = jax.shard_map(
        positions, mesh=mesh, in_specs=(over, second), out_specs=second, check_vma=False
    )
    here, there = (jax.device_put((state, actions), device) for device in (cpu, accelerator))
    programs = [jax.jit(positions).lower(*here), jax.jit(positions).lower(*there)]
    reference, bare, sharded = yield [*programs, jax.jit(split).lower(*there)]
    right = np.asarray(reference.call(*here))
    found, parted = np.asarray(bare.call(*there)), np.asarray(sharded.call(*there))
    errors = {f"error_after_{n}": relative_error(found[n - 1], right[n - 1]) for n in CONTROL_STEPS}
    return {**errors, "split_error": relative_error(parted, found)}


def relative_error(found: Any, reference: Any) -> float:
    """Return |found - reference| / |reference| over all numbers of two trees."""
    pairs = [
        (np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel())
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(reference), strict=True)
    ]
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))

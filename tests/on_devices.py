"""A small run on one, two and eight devices of the CPU; prints what came out as JSON.

JAX_NUM_CPU_DEVICES=8 python tests/on_devices.py
"""

import json
import re
from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from contrastive import contrastive
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from probes import Line
from word_values import some_networks, some_numbers, word_values

from components.losses.actor import LogLikelihood
from components.networks.residual_stack import apply_to_example
from components.networks.stack_form import StackForm
from components.replay.batch import Batch
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop import execution, training_loop
from dsl.loop.sharding import (
    REPLICATED,
    SHARD_AXIS0,
    shardings,
    splitting_batches,
    train_state_specs,
)
from dsl.training.card.parts import ITERATION, trace_part

CAPACITY = 97  # no other size is the same
PROGRAM = Experiment(
    environment=Line(),
    learner=contrastive(8, 4, LogLikelihood(), optax.sgd(1e-2)),
    buffer=TrajectoryBuffer(CAPACITY),
    num_envs=16,
    batch_size=32,
    unroll_length=3,  # fewer rows than a buffer may have
    eval_episodes=16,
).program()


def counts():
    """Iterations, and updates after each; they are donated."""
    return jnp.asarray(3, jnp.int32), jnp.asarray(2, jnp.int32)


def numbers(state, metrics):
    """Metrics, and sums over the state's parts, which no error leaves alone."""
    parts = {"learner": state.learners["learner"], "buffer": state.buffer, "envs": state.envs}
    sums = {
        f"{name} {i}": float(np.abs(np.asarray(leaf, np.float64)).sum())
        for name, part in parts.items()
        for i, leaf in enumerate(jax.tree.leaves(part))
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    }
    return sums | {name: float(value) for name, value in metrics.items()}


def initial_state():
    """A run before its first step; its arrays are used up."""
    return eqx.filter_jit(training_loop.init_train_state)(PROGRAM, jnp.uint32(0))


def together(devices, start):
    """Everything split, as on accelerators: numbers, state, compiled text."""
    program = replace(PROGRAM, devices=devices)
    state = jax.device_put(start, shardings(program, train_state_specs(start)))
    run_iterations = (
        eqx.filter_jit(training_loop.run_iterations).lower(program, state, *counts()).compile()
    )
    for _ in range(2):  # what comes out is spread as what went in
        state = run_iterations(program, state, *counts())
    state, metrics, _, _ = eqx.filter_jit(training_loop.end_epoch)(program, state, jnp.int32(12))
    return numbers(state, metrics), state, run_iterations.compiled.as_text()


def on_cores(devices, start):
    """Environments alone split, as on the cores of a CPU: numbers and state."""
    program = replace(PROGRAM, devices=devices)
    state = execution.move_to_devices(program, start)
    loop_on_cores = execution.compile_loop(program, state)
    for _ in range(2):
        state = loop_on_cores.run_iterations(state, 3, 2)
    state, metrics, _, _ = loop_on_cores.end_epoch(state, 12)
    return numbers(state, metrics), state


def words_on_two():
    """Losses and energies with a batch that two devices share: values, and how they are spread."""
    split = jax.device_put(some_numbers(), shardings(replace(PROGRAM, devices=2), SHARD_AXIS0))
    found = jax.jit(word_values)(split, some_networks())
    return {name: np.asarray(value).tolist() for name, value in found.items()}, found


def fused_stack(mesh):
    """Value and gradients of a fused network whose batch of 32 lies on these devices; its text."""
    form = StackForm(jax.nn.swish, 4, 1.0, "float32", fused=True, ends="float32")
    form = form._replace(interpret=True, mesh=mesh)
    # The batch; weights and vectors of the stack, of the layer before it, and of the one after it.
    shapes = ((32, 16), (4, 8, 8), (4, 3, 8), (16, 8), (8,), (8,), (8,), (8, 16), (16,))
    keys = jax.random.split(jax.random.key(0), len(shapes))
    arrays = [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
    if mesh is not None:
        whole, split = (NamedSharding(mesh, spec) for spec in (PartitionSpec(), PartitionSpec("d")))
        arrays = jax.device_put(arrays, [split, *[whole] * (len(shapes) - 1)])

    def loss(xs, *parameters):
        return jnp.sum(jnp.sin(jax.vmap(lambda x: apply_to_example(x, parameters, form))(xs)))

    run = jax.jit(jax.value_and_grad(loss, argnums=range(len(shapes)))).lower(*arrays).compile()
    value, gradients = run(*arrays)
    return [float(value), *(np.asarray(g).tolist() for g in gradients)], run.as_text()


def accumulated_update(devices):
    """Networks after an update in micro-batches on so many devices, and its text."""
    learner = contrastive(8, 4, LogLikelihood(), optax.sgd(1e-2), gradient_accumulation=2)
    program, key = replace(PROGRAM, devices=devices), jax.random.key(0)
    numbers = jax.random.normal(key, (32, 7))
    batch = Batch(*jnp.split(numbers[:, :5], 5, axis=1), *numbers[:, 5:].T)
    state = learner.init(Line.dims, key)
    place = partial(shardings, program)
    state, batch = jax.device_put((state, batch), (place(REPLICATED), place(SHARD_AXIS0)))

    def update(state, batch):
        with splitting_batches(program):
            return learner.update(state, batch, key)[0].networks

    run = eqx.filter_jit(update).lower(state, batch).compile()
    sums = [float(jnp.sum(jnp.abs(x))) for x in jax.tree.leaves(run(state, batch))]
    return sums, run.compiled.as_text()


def traces(devices):
    """Count how often the update is traced from the build of an experiment to its loop."""
    program, traced = replace(PROGRAM, devices=devices), []
    plain = training_loop._traced_update.__wrapped__

    def counted(*arguments):
        traced.append(arguments)
        return plain(*arguments)

    training_loop._traced_update = eqx.filter_jit(counted)
    training_loop.abstract_train_state(program)
    eqx.filter_jit(training_loop.init_train_state).lower(program, jnp.uint32(0))
    trace_part(program, ITERATION)
    training_loop._traced_update = eqx.filter_jit(plain)
    return len(traced)


def share(array):
    """Shape of what one device holds."""
    return array.sharding.shard_shape(array.shape)


def gathered(text):
    """Shapes that are gathered from all devices."""
    return re.findall(r"= \(?\w+\[([\d,]*)\]\S* all-gather\(", text)


def main():
    one, _ = on_cores(1, initial_state())
    two, split = on_cores(2, initial_state())
    eight, state, text = together(8, initial_state())
    words, on_two = words_on_two()
    alone, _ = fused_stack(None)
    shared, stack_text = fused_stack(Mesh(jax.devices(), ("d",)))
    whole, _ = accumulated_update(1)
    parted, update_text = accumulated_update(8)
    report = {
        "one": one,
        "two": two,
        "eight": eight,
        "words": words,
        "rows of energies": share(on_two["Dot"]),
        "devices chosen": execution.assign_devices(PROGRAM).devices,
        "shares of eight": {
            "rows": share(state.buffer.rows.state),
            "envs": share(state.envs.episode),
            "weights": share(state.learners["learner"].networks.actor.network.input.dense.weight),
        },
        "envs of two": share(split.envs.episode),
        "rows of two": share(split.buffer.rows.state),
        "gathered": gathered(text),
        "reduced": text.count(" all-reduce("),
        "traces of eight": traces(8),
        "accumulated alone": whole,
        "accumulated shared": parted,
        "gathered by accumulation": gathered(update_text),
        "stack alone": alone,
        "stack shared": shared,
        "gathered by the stack": gathered(stack_text),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()

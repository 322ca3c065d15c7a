"""Estimates the device memory that a run needs, from shapes alone."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from components.env_dims import EnvDims
from components.protocols import Learner, LearnerState, TrainedLoss
from components.replay.batch import Batch
from dsl.experiment import Experiment
from dsl.loop.training_loop import abstract_train_state

_FEWEST_ROWS = 2
# Copies of the weights during an update: gradient and new weights.
_COPIES = 2
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class MemoryEstimate(NamedTuple):
    """Bytes by purpose.

    Attributes:
        parameters: networks and their targets.
        optimisers: states of their optimisers.
        updates: gradients and new weights of what a learner trains.
        activations: what its backward passes keep from their forward passes.
        replay: the buffer.
        environments: states of the parallel environments.
        evaluation: states of the evaluation's episodes.
    """

    parameters: int
    optimisers: int
    updates: int
    activations: int
    replay: int
    environments: int
    evaluation: int


def estimate_memory(experiment: Experiment, devices: int = 1) -> MemoryEstimate:
    """Estimate the memory that each of `devices` needs for a run that they share.

    Networks and optimisers are whole on every device; all else is split. Learners are updated one
    after the other, so the largest need of an update counts; the networks of one learner read each
    other as they were before it, so their updates may be under way at once.
    """
    state = abstract_train_state(experiment.program())
    states = state.learners
    needs = [
        _update_bytes(experiment, learner, states[name])
        for name, learner in experiment.learners.items()
    ]
    envs = count_bytes(state.envs)
    # Evaluations follow each other.
    episodes = max(each.episodes or 0 for each in experiment.evaluation_tasks.values())
    return MemoryEstimate(
        parameters=count_bytes([(s.networks, s.targets) for s in states.values()]),
        optimisers=count_bytes([s.optimisers for s in states.values()]),
        updates=max(weights for weights, _ in needs) * _COPIES,
        activations=max(activations for _, activations in needs) // devices,
        replay=count_bytes(state.buffer) // devices,
        environments=envs // devices,
        evaluation=envs * episodes * len(states) // experiment.num_envs // devices,
    )


def format_bytes(size: float) -> str:
    """Return a number of bytes as text: `1.5 GiB`."""
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} {_UNITS[-1]}"


def count_bytes(tree: Any) -> int:
    """Return the bytes of all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def count_elements(tree: Any) -> int:
    """Return the number of elements in all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def batch_shape(sizes: EnvDims, rows: int) -> Batch:
    """Return a batch of `rows` transitions with shapes in place of arrays."""

    def array(*shape: int) -> Any:
        return jax.ShapeDtypeStruct((rows, *shape), jnp.float32)

    state, goal = array(sizes.state), array(sizes.goal)
    return Batch(state, array(sizes.action), state, goal, goal, array(), array())


def _update_bytes(experiment: Experiment, learner: Learner, state: LearnerState) -> tuple[int, int]:
    """Return the bytes of the networks that an update trains, and of the activations it keeps."""
    losses = [(getattr(state.networks, n), loss) for n, loss in learner.trained_losses().items()]
    key = jax.eval_shape(lambda: jax.random.key(0))

    def kept(loss: TrainedLoss, module: Any, rows: int) -> int:
        def pull(module: Any, state: LearnerState, batch: Batch, key: Any) -> Any:
            return jax.vjp(lambda m: loss(m, state, batch, key), module)[1]

        batch = batch_shape(experiment.environment.dims, rows)
        return count_bytes(jax.eval_shape(pull, module, state, batch, key))

    # A backward pass also keeps the weights, which exist anyway: count what grows with the batch.
    rows = experiment.batch_size // learner.micro_batches()
    activations = [
        kept(loss, module, rows) - kept(loss, module, _FEWEST_ROWS) for module, loss in losses
    ]
    return count_bytes([module for module, _ in losses]), max(sum(activations), 0)

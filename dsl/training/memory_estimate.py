"""What a run will need of the device's memory, worked out from shapes alone."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from components.env_dims import EnvDims
from components.protocols import Learner, LearnerState, TrainedLoss
from components.replay.batch import Batch
from dsl.experiment import Experiment
from dsl.loop.program import TrainState
from dsl.loop.training_loop import init

_FEWEST_ROWS = 2
# Of weights, during an update: gradient and new weights.
_COPIES = 2
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class Memory(NamedTuple):
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


def state_shape(experiment: Experiment) -> TrainState:
    """The run's state with shapes in place of arrays; nothing is allocated."""
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    return eqx.filter_eval_shape(init, experiment.program(), seed)


def estimate(experiment: Experiment, state: TrainState) -> Memory:
    """Memory of a run whose state has the given shapes.

    Learners are updated one after the other, so of what only an update needs the largest counts;
    the networks of a learner read each other as they were before it, so their updates may be
    under way at once.
    """
    states = state.learners
    needs = [
        _update(experiment, learner, states[name]) for name, learner in experiment.learners.items()
    ]
    lanes = size(state.lanes)
    episodes = experiment.eval_episodes * len(states)
    return Memory(
        parameters=size([(s.networks, s.targets) for s in states.values()]),
        optimisers=size([s.optimisers for s in states.values()]),
        updates=max(weights for weights, _ in needs) * _COPIES,
        activations=max(activations for _, activations in needs),
        replay=size(state.buffer),
        environments=lanes,
        evaluation=lanes * episodes // experiment.num_envs,
    )


def in_words(size: float) -> str:
    """Bytes for people: `1.5 GiB`."""
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} {_UNITS[-1]}"


def size(tree: Any) -> int:
    """Bytes of all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def count(tree: Any) -> int:
    """Numbers in all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def batch_shape(sizes: EnvDims, rows: int) -> Batch:
    """A batch of so many transitions with shapes in place of arrays."""

    def of(*shape: int) -> Any:
        return jax.ShapeDtypeStruct((rows, *shape), jnp.float32)

    state, goal = of(sizes.state), of(sizes.goal)
    return Batch(state, of(sizes.action), state, goal, goal, of(), of())


def _update(experiment: Experiment, learner: Learner, state: LearnerState) -> tuple[int, int]:
    """Bytes of the networks that an update trains, and of the activations that it keeps."""
    losses = [(getattr(state.networks, n), loss) for n, loss in learner.trained_losses().items()]
    key = jax.eval_shape(lambda: jax.random.key(0))

    def kept(loss: TrainedLoss, module: Any, rows: int) -> int:
        def pull(module: Any, state: LearnerState, batch: Batch, key: Any) -> Any:
            return jax.vjp(lambda m: loss(m, state, batch, key), module)[1]

        batch = batch_shape(experiment.environment.dims, rows)
        return size(jax.eval_shape(pull, module, state, batch, key))

    # A backward pass also keeps weights, which are there anyway: what grows with the batch counts.
    activations = [
        kept(loss, module, experiment.batch_size) - kept(loss, module, _FEWEST_ROWS)
        for module, loss in losses
    ]
    return size([module for module, _ in losses]), max(sum(activations), 0)

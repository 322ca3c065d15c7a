"""What a run will need of the device's memory, worked out from shapes alone."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from components.batch import Batch
from components.learner import ActorCritic, LearnerState
from dsl.experiment import Experiment
from dsl.loop import TrainState, init


class Memory(NamedTuple):
    """Bytes by purpose.

    Attributes:
        parameters: networks.
        optimisers: states of their optimisers.
        gradients: of the larger of actor and critic, which are updated one after the other.
        activations: what the larger backward pass keeps from its forward pass.
        replay: the buffer.
        environments: states of the parallel environments.
    """

    parameters: int
    optimisers: int
    gradients: int
    activations: int
    replay: int
    environments: int


def state_shape(experiment: Experiment) -> TrainState:
    """The run's state with shapes in place of arrays; nothing is allocated."""
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    return eqx.filter_eval_shape(init, experiment.program(), seed)


def estimate(experiment: Experiment, state: TrainState) -> Memory:
    """Memory of a run whose state has the given shapes."""
    networks = state.learner.networks
    actor, critic = _activations(experiment, state.learner)
    return Memory(
        parameters=size(networks),
        optimisers=size(state.learner.optimisers),
        gradients=max(size(networks.actor), size(networks.critic)),
        activations=max(actor, critic),
        replay=size(state.buffer),
        environments=size(state.lanes),
    )


def size(tree: Any) -> int:
    """Bytes of all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def count(tree: Any) -> int:
    """Numbers in all arrays of a tree of arrays or shapes."""
    return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def _batch_shape(experiment: Experiment) -> Batch:
    sizes, rows = experiment.environment.sizes, experiment.batch_size

    def of(*shape: int) -> Any:
        return jax.ShapeDtypeStruct((rows, *shape), jnp.float32)

    state, goal = of(sizes.state), of(sizes.goal)
    return Batch(state, of(sizes.action), state, goal, of(), of())


def _activations(experiment: Experiment, learner_state: LearnerState) -> tuple[int, int]:
    """Bytes the backward passes of actor and critic keep, weights excluded."""
    learner, batch = experiment.learner, _batch_shape(experiment)
    networks = learner_state.networks

    def kept(loss: Any, module: Any, weights: Any) -> int:
        pullback = jax.eval_shape(lambda m, b: jax.vjp(lambda m: loss(m, b), m)[1], module, batch)
        return max(size(pullback) - size(weights), 0)

    actor_loss = _actor_loss(learner, networks.critic)
    return (
        kept(actor_loss, networks.actor, (networks.actor, networks.critic)),
        kept(lambda m, b: learner.critic_loss(m, b)[0], networks.critic, networks.critic),
    )


def _actor_loss(learner: ActorCritic, critic: Any) -> Any:
    """The actor's loss with a critic of zeros: only shapes matter."""

    def loss(actor: Any, batch: Batch) -> jax.Array:
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), critic)
        key, temperature = jax.random.key(0), jnp.ones((), jnp.float32)
        return learner.actor_loss(actor, zeros, temperature, batch, key)[0]

    return loss

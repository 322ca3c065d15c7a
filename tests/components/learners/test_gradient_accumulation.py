"""Gradients of micro-batches, against NumPy in float64 and against the parts one by one."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_networks import LinearPairCritic, LinearPolicy, float32

from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.learners.gradient_accumulation import accumulated_gradient
from components.losses.actor import LogLikelihood
from components.losses.contrastive import InfoNCE
from components.relabelling.strategies import Commanded
from components.replay.batch import Batch

DIMS = EnvDims(state=2, goal=2, action=1)
ROWS, PARTS, RATE = 12, 3, 0.1
RANDOM = np.random.default_rng(0)
CRITIC, POLICY = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(1, 4))
BATCH = Batch(
    *(RANDOM.normal(size=(ROWS, size)) for size in (2, 1, 2, 2, 2)),
    reward=np.arange(ROWS, dtype=np.float64),
    discount=np.ones(ROWS),
)
contrastive = partial(
    ActorCritic,
    actor=lambda dims, key: float32(LinearPolicy(POLICY)),  # noqa: ARG005
    actor_loss=LogLikelihood(),
    actor_optimiser=optax.sgd(RATE),
    relabelling=Commanded(),
    critic=lambda dims, key: float32(LinearPairCritic(CRITIC)),  # noqa: ARG005
    critic_loss=InfoNCE(logsumexp_penalty=0.0),
    critic_optimiser=optax.sgd(RATE),
)


def info_nce(rows):
    """Loss of these rows among themselves, its gradient, and the share of true pairs found."""
    x = np.concatenate([BATCH.state, BATCH.action], axis=1)[rows]
    goals = BATCH.goal[rows]
    f = x @ CRITIC @ goals.T
    share = np.exp(f) / np.exp(f).sum(1, keepdims=True)
    loss = np.mean(np.log(np.exp(f).sum(1)) - np.diag(f))
    gradient = x.T @ (share - np.eye(len(f))) @ goals / len(f)
    return loss, gradient, np.mean(f.argmax(1) == np.arange(len(f)))


def updated(micro_batches, key):
    """State and metrics after an update."""
    learner = contrastive(gradient_accumulation=micro_batches)
    state = learner.init(DIMS, key)
    return eqx.filter_jit(learner.update)(state, float32(BATCH), key)


def test_contrastive_losses_have_the_negatives_of_their_micro_batch(key):
    state, metrics = updated(PARTS, key)
    parts = [info_nce(np.arange(part, ROWS, PARTS)) for part in range(PARTS)]
    loss, gradient, accuracy = (np.mean(found, axis=0) for found in zip(*parts, strict=True))
    np.testing.assert_allclose(metrics["critic_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(metrics["categorical_accuracy"], accuracy, rtol=1e-5)
    norm = np.sqrt(np.sum(gradient**2))
    np.testing.assert_allclose(metrics["critic_grad_norm"], norm, rtol=1e-5)
    moved = state.networks.critic.weights
    np.testing.assert_allclose(moved, CRITIC - RATE * gradient, rtol=1e-5, atol=1e-6)


def test_one_micro_batch_is_the_whole_batch(key):
    state, metrics = updated(1, key)
    loss, gradient, _ = info_nce(np.arange(ROWS))
    np.testing.assert_allclose(metrics["critic_loss"], loss, rtol=1e-5)
    moved = state.networks.critic.weights
    np.testing.assert_allclose(moved, CRITIC - RATE * gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("micro_batches", "loops"), [(1, 0), (PARTS, 2)])
def test_only_micro_batches_make_loops(key, micro_batches, loops):
    learner = contrastive(gradient_accumulation=micro_batches)
    program = jax.make_jaxpr(learner.update)(learner.init(DIMS, key), float32(BATCH), key)
    assert str(program).count(" scan[") == loops


def test_seeds_together_accumulate_each_on_its_own(key):
    learner = contrastive(gradient_accumulation=PARTS)
    states = jax.tree.map(
        lambda x: jnp.stack([x, -x]) if eqx.is_array(x) else x, learner.init(DIMS, key)
    )
    keys = jax.random.split(key)
    update = lambda state, key: learner.update(state, float32(BATCH), key)[0].networks  # noqa: E731
    together = jax.jit(jax.vmap(update))(states, keys)
    for seed in range(2):
        alone = jax.jit(update)(jax.tree.map(lambda x: x[seed], states), keys[seed])  # noqa: B023
        for ours, theirs in zip(*map(jax.tree.leaves, (together, alone)), strict=True):
            np.testing.assert_allclose(ours[seed], theirs, rtol=1e-5, atol=1e-6)


def test_rows_keep_their_order_and_micro_batches_draw_numbers_of_their_own(key):
    def noisy(weight, batch, key):
        noise = jax.random.normal(key, batch.reward.shape)
        return weight * jnp.mean(batch.reward), {"noise": noise, "rows": batch.reward}

    weight = jnp.float32(2.0)
    (value, found), slope = jax.jit(
        lambda key: accumulated_gradient(noisy, weight, float32(BATCH), key, PARTS)
    )(key)
    assert (float(value), float(slope)) == (11.0, 5.5)  # the rows are 0 to 11
    np.testing.assert_array_equal(found["rows"], BATCH.reward)
    # The sum of squares of noise that were the same in each part would repeat.
    assert len(set(np.asarray(found["noise"]).tolist())) == ROWS

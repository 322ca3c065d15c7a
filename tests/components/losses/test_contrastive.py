"""Contrastive losses: literal numbers, directions, penalties, and called with a critic."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.constraints import SettingError
from components.critics.contrastive import ContrastiveCritic
from components.env_dims import EnvDims
from components.losses.contrastive import (
    DPO,
    IPO,
    SPPO,
    BinaryNCE,
    EmbeddingPenalty,
    FlatNCE,
    ForwardBackward,
    InfoNCE,
)
from components.losses.contrastive_objectives import (
    contrastive_metrics,
    dpo,
    info_nce,
    info_nce_without_positive,
    ipo,
    squared_logsumexp,
)
from components.networks.layers import Dense
from components.protocols import StopGradNetworks
from components.replay.batch import Batch

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0], [3.0, 0.25, -0.5]])
OBJECTIVES = [
    *(InfoNCE(d, 0.1).objective for d in ("forward", "backward", "symmetric")),
    *(FlatNCE(d, 0.1).objective for d in ("forward", "backward", "symmetric")),
    InfoNCE("symmetric", 0.1, positive_in_denominator=False).objective,
    BinaryNCE().objective,
    ForwardBackward().objective,
    DPO().objective,
    IPO().objective,
    SPPO().objective,
]


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (InfoNCE("forward", 0.0).objective, 1.3934262),
        (InfoNCE("backward", 0.0).objective, 1.0651190),
        (InfoNCE("symmetric", 0.0).objective, 2.4585452),
        (BinaryNCE().objective, 0.8218008),
        (FlatNCE("forward", 0.0).objective, 1.0),
        (FlatNCE("symmetric", 0.0).objective, 2.0),
        (squared_logsumexp, 5.4637111),
        (InfoNCE("forward").objective, 1.9397973),
        (BinaryNCE(0.1).objective, 1.3681719),
        (InfoNCE("forward", 0.0, positive_in_denominator=False).objective, 0.4634363),
        (InfoNCE("forward", 0.1, positive_in_denominator=False).objective, 0.7928942),
        (InfoNCE("symmetric", 0.0, positive_in_denominator=False).objective, 1.0065717),
        (ForwardBackward().objective, 0.359375),
        (DPO(0.0).objective, 0.8175458),
        (DPO().objective, 1.3639170),
        (IPO(0.0).objective, 34.5625 / 9),
        (IPO().objective, 34.5625 / 9 + 0.54637111),
        (SPPO().objective, 31.5625 / 9),
    ],
)
def test_literal_numbers(objective, expected):
    np.testing.assert_allclose(objective(jnp.asarray(LOGITS, jnp.float32)), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [InfoNCE, FlatNCE])
def test_backward_is_forward_of_the_transpose_and_symmetric_is_their_sum(kind):
    f = jnp.asarray(LOGITS, jnp.float32)
    forward = kind("forward", 0.3).objective(f)
    backward = kind("backward", 0.3).objective(f)
    np.testing.assert_allclose(backward, kind("forward", 0.3).objective(f.T), rtol=1e-6)
    np.testing.assert_allclose(kind("symmetric", 0.3).objective(f), forward + backward, rtol=1e-6)
    slopes = [jax.grad(kind(d, 0.3).objective)(f) for d in ("forward", "backward", "symmetric")]
    np.testing.assert_allclose(slopes[0] + slopes[1], slopes[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("direction", "axis"), [("forward", 1), ("backward", 0)])
def test_the_penalty_is_over_the_axis_that_the_loss_normalises(direction, axis):
    f = jnp.asarray(LOGITS, jnp.float32)
    difference = InfoNCE(direction, 0.2).objective(f) - InfoNCE(direction, 0.0).objective(f)
    lse = np.log(np.exp(LOGITS).sum(axis))
    np.testing.assert_allclose(difference, 0.2 * (lse**2).mean(), rtol=1e-5)


@jax.jit
def values_and_slopes(logits):
    """Of every objective, in one program: a dozen small ones take far longer to compile."""
    return [jax.value_and_grad(objective)(logits) for objective in OBJECTIVES]


def test_under_vmap():
    fs = jnp.stack([jnp.asarray(LOGITS, jnp.float32), jnp.asarray(-LOGITS, jnp.float32)])
    together = jax.jit(jax.vmap(values_and_slopes))(fs)
    for i in range(2):
        alone = values_and_slopes(fs[i])
        for (values, slopes), (value, slope) in zip(together, alone, strict=True):
            np.testing.assert_allclose(values[i], value, rtol=1e-6)
            np.testing.assert_allclose(slopes[i], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_finite_at_extreme_logits(scale):
    chex.assert_tree_all_finite(values_and_slopes(jnp.asarray(scale * LOGITS, jnp.float32)))


@pytest.mark.parametrize("alone", [dpo, ipo, info_nce, info_nce_without_positive])
def test_only_the_penalty_sees_a_row_move_as_a_whole(alone):
    f = jnp.asarray(LOGITS, jnp.float32)
    moved = f + jnp.asarray([[5.0], [-3.0], [1.0]])
    np.testing.assert_allclose(alone(moved), alone(f), rtol=1e-5)
    for word in (DPO(), IPO(), InfoNCE()):
        assert abs(word.objective(moved) - word.objective(f)) > 0.1


@pytest.fixture(scope="module")
def example():
    """A critic, a batch, and all that a contrastive loss is called with."""
    build = functools.partial(
        ContrastiveCritic,
        Dense,
        Dense,
        embedding_size=6,
        learned_scale=True,
        dims=EnvDims(3, 2, 1),
    )
    critic, key = filled(build), jax.random.key(0)
    state, goal = jax.random.normal(key, (6, 3)), jax.random.normal(key, (6, 2))
    batch = Batch(state, jnp.ones((6, 1)), state, goal, goal, jnp.zeros(6), jnp.ones(6))
    pairs = jax.jit(lambda: critic.pairs(state, batch.action, goal))()
    return critic, batch, StopGradNetworks(None, critic, jnp.ones(()), None, critic), key, pairs


LOSSES = [InfoNCE(), BinaryNCE(), FlatNCE(), ForwardBackward(), DPO(), IPO(), SPPO()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_called_with_a_critic_and_a_batch(example, loss):
    *arguments, (logits, _, _) = example
    value, metrics = jax.jit(loss)(*arguments)
    np.testing.assert_allclose(value, loss.objective(logits), rtol=1e-5)
    assert metrics.keys() == contrastive_metrics(logits).keys()
    np.testing.assert_allclose(metrics["logits_positive"], jnp.diagonal(logits).mean(), rtol=1e-5)


def test_embedding_penalty_adds_the_mean_squares_of_both_embeddings(example):
    *arguments, (logits, phi, psi) = example
    value, metrics = EmbeddingPenalty(InfoNCE(), 0.25)(*arguments)
    size = (np.float64(phi) ** 2).mean() + (np.float64(psi) ** 2).mean()
    np.testing.assert_allclose(metrics.pop("embedding_size"), size, rtol=1e-5)
    np.testing.assert_allclose(value, InfoNCE().objective(logits) + 0.25 * size, rtol=1e-5)
    assert metrics.keys() == contrastive_metrics(logits).keys()


def test_embedding_penalty_pulls_on_the_embeddings(example):
    critic, *others, (_, phi, psi) = example
    # The bias moves every embedding alike.
    biases = lambda f: (f.state_action_encoder.bias, f.goal_encoder.bias)  # noqa: E731

    @jax.jit
    @jax.grad
    def slopes(critic):
        with_penalty, without = (EmbeddingPenalty(SPPO(), weight) for weight in (2.0, 0.0))
        return with_penalty(critic, *others)[0] - without(critic, *others)[0]

    for slope, embeddings in zip(biases(slopes(critic)), (phi, psi), strict=True):
        expected = 2.0 * 2 * np.float64(embeddings).sum(0) / embeddings.size
        np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-5)


def test_embedding_penalty_leaves_the_learned_scale_to_the_loss(example):
    critic, *others, _ = example
    slope = lambda loss: jax.jit(jax.grad(lambda f: loss(f, *others)[0]))(critic).log_scale  # noqa: E731
    np.testing.assert_allclose(slope(EmbeddingPenalty(DPO(), 5.0)), slope(DPO()), rtol=1e-4)


@pytest.mark.parametrize("kind", [InfoNCE, FlatNCE])
def test_impossible_directions(kind):
    with pytest.raises(SettingError, match=r"direction is 'sideways'.*forward"):
        kind("sideways")


@pytest.mark.parametrize("kind", [InfoNCE, FlatNCE, BinaryNCE, DPO, IPO])
def test_impossible_penalties(kind):
    with pytest.raises(SettingError, match="logsumexp_penalty is -1"):
        kind(logsumexp_penalty=-1.0)
    with pytest.raises(SettingError, match="weight is -1"):
        EmbeddingPenalty(InfoNCE(), weight=-1.0)

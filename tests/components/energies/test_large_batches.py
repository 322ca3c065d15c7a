"""No array of a large batch has a third dimension: batch times batch times size of an embedding."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from components.critics.contrastive import ContrastiveCritic
from components.energies import quasimetric, similarities
from components.energies.quasimetric import NegativeMRN
from components.energies.similarities import Energy, NegativeL1
from components.env_dims import EnvDims
from components.losses.contrastive import InfoNCE
from components.networks.layers import Dense
from components.protocols import StopGradNetworks
from components.replay.batch import Batch

ROWS, SIZE = 256, 64
LOGITS = 4 * ROWS * ROWS  # bytes
ENERGIES = [
    found
    for module in (similarities, quasimetric)
    for found in vars(module).values()
    if inspect.isclass(found) and issubclass(found, Energy) and not inspect.isabstract(found)
]


class Careless(NegativeL1):
    """Computes all differences of all pairs, and keeps them for its gradient."""

    def pairwise(self, xs, ys):
        return -jnp.sum(jnp.abs(xs[:, None] - ys[None]), axis=-1)


def temporary_bytes(energy, key):
    """Return what the gradient of the critic's loss needs beside arguments and results."""
    dims = EnvDims(state=2, goal=2, action=1)
    critic = ContrastiveCritic(Dense, Dense, energy(), SIZE, dims=dims, key=key)
    sizes = (2, 1, 2, 2, 2)
    batch = Batch(*(jnp.zeros((ROWS, size)) for size in sizes), *jnp.zeros((2, ROWS)))
    frozen = StopGradNetworks(None, None, jnp.zeros(()), None, None)

    def loss(critic, batch):
        return InfoNCE()(critic, batch, frozen, key)

    step = eqx.filter_value_and_grad(loss, has_aux=True)
    compiled = jax.jit(lambda *given: step(*given)).lower(critic, batch).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("energy", ENERGIES)
def test_losses_need_a_few_matrices_of_logits(energy, key):
    assert len(ENERGIES) >= 6
    assert temporary_bytes(energy, key) < 8 * LOGITS


def test_a_third_dimension_would_be_seen(key):
    assert temporary_bytes(Careless, key) > 0.9 * SIZE * LOGITS


@pytest.mark.parametrize("energy", [NegativeMRN, NegativeL1])
def test_a_gpu_takes_all_rows_at_once_with_the_same_numbers(monkeypatch, energy):
    xs, ys = (jax.random.normal(jax.random.key(n), (n, 6)) for n in (3, 4))
    weights = jnp.sin(jnp.arange(12.0)).reshape(3, 4)

    def traced():
        pairs = lambda x, y: jnp.sum(weights * energy().pairwise(x, y))  # noqa: E731
        step = jax.jit(jax.value_and_grad(pairs, (0, 1))).trace(xs, ys)
        return step.lower().compile()(xs, ys), "scan[" in str(step.jaxpr)

    one_by_one, has_loop = traced()
    for module in (similarities, quasimetric):
        monkeypatch.setattr(module, "target_platform", lambda: "gpu")
    at_once, still_has_loop = traced()
    assert (has_loop, still_has_loop) == (True, False)
    for ours, theirs in zip(*map(jax.tree.leaves, (at_once, one_by_one)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)

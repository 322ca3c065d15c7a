"""Gives every loss, actor loss and energy a few numbers, and the values that come of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from linear_networks import LinearCritic, LinearPairCritic, LinearPolicy, float32

from components.energies.quasimetric import NegativeMRN
from components.energies.similarities import Cosine, Dot, NegativeL1, NegativeL2, NegativeSquaredL2
from components.losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from components.losses.c_learning import CLearning
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
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.protocols import StopGradNetworks
from components.replay.batch import Batch

TEMPERATURE = jnp.float32(0.3)
PAIR_LOSSES = [
    InfoNCE("symmetric"),
    FlatNCE("symmetric"),
    *(loss() for loss in (BinaryNCE, ForwardBackward, DPO, IPO, SPPO)),
    EmbeddingPenalty(InfoNCE(), 0.25),
]
ENSEMBLE_LOSSES = [CLearning(0.8, 5.0), SoftBellman(0.9), ClippedDoubleQ(0.9)]
ACTOR_LOSSES = [MaximumEntropy(0.5), DeterministicGradient(0.5), LogLikelihood()]
ENERGIES = [NegativeL2(), NegativeSquaredL2(), NegativeL1(), NegativeMRN(), Dot(), Cosine()]
# Values of losses; the matrix of four embeddings against the first two, for energies.
EXPECTED = {
    "InfoNCE": 5.5962335,
    "FlatNCE": 2.8807100,
    "BinaryNCE": 1.0017854,
    "ForwardBackward": 0.9931641,
    "DPO": 1.6188518,
    "IPO": 4.9039636,
    "SPPO": 4.6655273,
    "EmbeddingPenalty": 3.2700346,
    "CLearning": 2.7620386,
    "SoftBellman": 0.3347963,
    "ClippedDoubleQ": 0.3946312,
    "MaximumEntropy": 0.3872070,
    "DeterministicGradient": 0.5859375,
    "LogLikelihood": 2.2539062,
    "NegativeL2": np.array([[-0.001, -3], [-3, -0.001], [-(29**0.5), -(52**0.5)], [-(8**0.5), -3]]),
    "NegativeSquaredL2": np.array([[0, -9], [-9, 0], [-29, -52], [-8, -9]]),
    "NegativeL1": np.array([[0, -5], [-5, 0], [-9, -10], [-4, -5]]),
    "NegativeMRN": np.array([[-0.001, -4.236068], [-2.236068, -0.001], [-5, -7.211103], [-4, -3]]),
    "Dot": np.array([[9, 0], [0, 0], [16, 0], [5, 0]]),
    "Cosine": np.array([[1, 0], [0, 0], [0.7396003, 0], [0.5555556, 0]]),
}


def name(word):
    return type(word).__name__


@functools.cache
def some_numbers():
    """What is split over devices, an entry per row: a batch of four and four embeddings."""
    batch = Batch(
        state=np.array([[0.5], [1.0], [-0.5], [0.25]]),
        action=np.array([[0.25], [-1.0], [0.0], [0.75]]),
        next_state=np.array([[1.0], [0.5], [-1.0], [0.25]]),
        goal=np.array([[1.0], [-1.0], [0.5], [2.0]]),
        achieved=np.array([[1.0], [0.5], [-1.0], [0.25]]),
        reward=np.array([1.0, 0.0, 0.0, 1.0]),
        discount=np.array([1.0, 1.0, 0.0, 1.0]),
    )
    embeddings = np.array([[1, 2, 2, 0], [0, 0, 0, 0], [4, 6, 0, 0], [1, 0, 2, 2]])
    return float32((batch, embeddings))


@functools.cache
def some_networks():
    """A critic of pairs, an ensemble and a policy."""
    pairs = LinearPairCritic(np.array([[1.0], [-0.5]]))
    ensemble = LinearCritic(np.array([[0.5, -0.25, 1.0], [-0.5, 0.75, 0.25]]))
    return float32((pairs, ensemble, LinearPolicy(np.array([[0.5, -0.5]]))))


def word_values(numbers, networks):
    """Return the value of every loss, and all pairs of embeddings by every energy."""
    (batch, embeddings), (pairs, ensemble, policy) = numbers, networks
    frozen = StopGradNetworks(policy, ensemble, TEMPERATURE, policy, ensemble)
    trained = [(pairs, PAIR_LOSSES), (ensemble, ENSEMBLE_LOSSES), (policy, ACTOR_LOSSES)]
    found = {
        name(loss): loss(network, batch, frozen, jax.random.key(0))[0]
        for network, losses in trained
        for loss in losses
    }
    return found | {name(f): f.pairwise(embeddings, embeddings[:2]) for f in ENERGIES}

"""Contrastive objectives of a square matrix of logits whose diagonal holds the true pairs.

`logits[i, j]` is the energy f_ij of state-action i and goal j in a batch of size B.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from components.protocols import Metrics, Scalar

Logits = Float[Array, "B B"]


def info_nce(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i \log \sum_j e^{f_{ij}} - f_{ii}$: pick each state-action's own goal.

    Reference: van den Oord et al., "Representation Learning with Contrastive Predictive Coding",
    2018, eq. 4; Eysenbach et al., "Contrastive Learning as Goal-Conditioned RL", 2022.
    """
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - jnp.diagonal(logits))


def binary_nce(logits: Logits) -> Scalar:
    r"""Return $\frac1{B^2} \sum_{ij} \mathrm{BCE}(f_{ij}, [i = j])$: tell true from false pairs.

    Reference: Gutmann and Hyvärinen, "Noise-contrastive estimation", 2010.
    """
    positive = jnp.eye(logits.shape[0], dtype=logits.dtype)
    return jnp.mean(jax.nn.softplus(logits) - positive * logits)


def flat_nce(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i e^{c_i - \mathrm{sg}(c_i)}$: compare negatives with their positive.

    Here $c_i = \log \sum_{j \ne i} e^{f_{ij} - f_{ii}}$ and sg stops the gradient. The value is
    always 1, the gradient is that of the mean of $c_i$. Unlike `info_nce`, the sum excludes the
    true pair, so the gradient does not vanish once pairs are told apart (including the true pair
    would make the two gradients equal). Needs B of at least 2.

    Reference: Chen et al., "Simpler, Faster, Stronger: Breaking the log-K Curse on Contrastive
    Learners with FlatNCE", 2021.
    """
    contrast = _log_negatives(logits) - jnp.diagonal(logits)
    return jnp.mean(jnp.exp(contrast - jax.lax.stop_gradient(contrast)))


def squared_logsumexp(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i (\log \sum_j e^{f_{ij}})^2$.

    InfoNCE is invariant to a shift of a row's logits; this penalty fixes their level.

    Reference: Wang et al., "1000 Layer Networks for Self-Supervised RL", 2025, table 7.
    """
    return jnp.mean(jnp.square(jax.nn.logsumexp(logits, axis=1)))


def squared_logsumexp_of_negatives(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i (\log \sum_{j \ne i} e^{f_{ij}})^2$; needs B of at least 2."""
    return jnp.mean(jnp.square(_log_negatives(logits)))


def contrastive_metrics(logits: Logits) -> Metrics:
    """Return the metrics of a contrastive critic; needs B of at least 2.

    Returns:
        `categorical_accuracy`, the share of rows whose largest logit is the true pair's (chance is
        1 / B); `logits_positive` and `logits_negative`, the mean logit on and off the diagonal;
        `logsumexp`, the mean logsumexp of a row.
    """
    size = logits.shape[0]
    positive = jnp.diagonal(logits)
    hits = jnp.argmax(logits, axis=1) == jnp.arange(size)
    negative_sum = jnp.sum(logits) - jnp.sum(positive)
    return {
        "categorical_accuracy": jnp.mean(hits.astype(jnp.float32)),
        "logits_positive": jnp.mean(positive),
        "logits_negative": negative_sum / float(size * (size - 1)),
        "logsumexp": jnp.mean(jax.nn.logsumexp(logits, axis=1)),
    }


def info_nce_without_positive(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i \log \sum_{j \ne i} e^{f_{ij}} - f_{ii}$.

    This is `info_nce` with the true pair excluded from the sum, so that its gradient does not
    vanish once pairs are told apart. Needs B of at least 2.

    Reference: Yeh et al., "Decoupled Contrastive Learning", 2022, eq. 4.
    """
    return jnp.mean(_log_negatives(logits) - jnp.diagonal(logits))


def forward_backward(logits: Logits) -> Scalar:
    r"""Return $\frac1B \sum_i -f_{ii} + \frac{1}{2 (B - 1)} \sum_{j \ne i} f_{ij}^2$.

    A least-squares fit of the ratio of future to random goals: the loss of forward-backward
    representations without its bootstrapped term. Needs B of at least 2.

    Reference: Touati and Ollivier, "Learning One Representation to Optimize All Rewards", 2021.
    """
    size = logits.shape[0]
    squares = jnp.sum(jnp.where(_diagonal(logits), 0.0, jnp.square(logits)))
    return jnp.mean(-jnp.diagonal(logits)) + squares / float(2 * size * (size - 1))


def dpo(logits: Logits) -> Scalar:
    r"""Return $-\frac1{B^2} \sum_{ij} \log \sigma(f_{ii} - f_{ij})$: prefer the true goal.

    Reference: Rafailov et al., "Direct Preference Optimization", 2023, eq. 7.
    """
    return jnp.mean(jax.nn.softplus(-_margins(logits)))


def ipo(logits: Logits) -> Scalar:
    r"""Return $\frac1{B^2} \sum_{ij} (f_{ii} - f_{ij} - 1)^2$: prefer it by a margin of one.

    The terms i = j are the constant 1.

    Reference: Azar et al., "A General Theoretical Paradigm to Understand Learning from Human
    Preferences", 2024, eq. 17.
    """
    return jnp.mean(jnp.square(_margins(logits) - 1.0))


def sppo(logits: Logits) -> Scalar:
    r"""Return $\frac1{B^2} \sum_{ij} w_{ij} (f_{ij} - t_{ij})^2$: regress pairs on their label.

    The label t is 1 on the diagonal and -1 off it; w is B on the diagonal and 1 off it, so that the
    true pair of a row counts about as much as the B - 1 others together.

    Reference: Wu et al., "Self-Play Preference Optimization for Language Model Alignment", 2025,
    eq. 4.6.
    """
    diagonal = _diagonal(logits)
    label = jnp.where(diagonal, 1.0, -1.0)
    weight = jnp.where(diagonal, float(logits.shape[0]), 1.0)
    return jnp.mean(weight * jnp.square(logits - label))


def _diagonal(logits: Logits) -> Bool[Array, "B B"]:
    return jnp.eye(logits.shape[0], dtype=bool)


def _margins(logits: Logits) -> Logits:
    """Return how much better the true goal of each row is than each goal."""
    return jnp.diagonal(logits)[:, None] - logits


def _log_negatives(logits: Logits) -> Float[Array, " B"]:
    """Return the logsumexp of every row without its true pair."""
    return jax.nn.logsumexp(jnp.where(_diagonal(logits), -jnp.inf, logits), axis=1)

"""Contrastive losses: functions of a square matrix of logits whose diagonal holds the true pairs.

Throughout, `logits[i, j]` is the energy f_ij of state-action i and goal j of one batch of size B.
"""

import abc
from collections.abc import Callable
from typing import Annotated, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.batch import Batch
from components.settings import AtLeast, OneOf, check

Logits = Float[Array, "B B"]
Scalar = Float[Array, ""]
Metrics = dict[str, Float[Array, ""]]
Direction = Annotated[str, OneOf(("forward", "backward", "symmetric"))]
Penalty = Annotated[float, AtLeast(0)]


def info_nce(logits: Logits) -> Scalar:
    r"""$\frac1B \sum_i \log \sum_j e^{f_{ij}} - f_{ii}$: pick the goal of each state-action.

    Reference: van den Oord et al., "Representation Learning with Contrastive Predictive Coding",
    2018, eq. 4; Eysenbach et al., "Contrastive Learning as Goal-Conditioned RL", 2022.
    """
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - jnp.diagonal(logits))


def binary_nce(logits: Logits) -> Scalar:
    r"""$\frac1{B^2} \sum_{ij} \mathrm{BCE}(f_{ij}, [i = j])$: tell true pairs from false ones.

    Reference: Gutmann and Hyvärinen, "Noise-contrastive estimation", 2010.
    """
    positive = jnp.eye(logits.shape[0], dtype=logits.dtype)
    return jnp.mean(jax.nn.softplus(logits) - positive * logits)


def flat_nce(logits: Logits) -> Scalar:
    r"""$\frac1B \sum_i e^{c_i - \mathrm{sg}(c_i)}$: compare negatives with their positive.

    Here $c_i = \log \sum_{j \ne i} e^{f_{ij} - f_{ii}}$ and sg stops the gradient. The value is
    always 1, the gradient is that of the mean of $c_i$. Unlike in `info_nce` the true pair is left
    out of the sum, so the gradient does not fade once pairs are told apart (with the true pair in
    the sum the two gradients would be the same). Needs B of at least 2.

    Reference: Chen et al., "Simpler, Faster, Stronger: Breaking the log-K Curse on Contrastive
    Learners with FlatNCE", 2021.
    """
    positive = jnp.eye(logits.shape[0], dtype=bool)
    negatives = jnp.where(positive, -jnp.inf, logits)
    contrast = jax.nn.logsumexp(negatives, axis=1) - jnp.diagonal(logits)
    return jnp.mean(jnp.exp(contrast - jax.lax.stop_gradient(contrast)))


def squared_logsumexp(logits: Logits) -> Scalar:
    r"""$\frac1B \sum_i (\log \sum_j e^{f_{ij}})^2$.

    InfoNCE does not change when a row's logits all move together; as a penalty this holds them.

    Reference: Wang et al., "1000 Layer Networks for Self-Supervised RL", 2025, table 7.
    """
    return jnp.mean(jnp.square(jax.nn.logsumexp(logits, axis=1)))


def contrastive_metrics(logits: Logits) -> Metrics:
    """What to watch while a contrastive critic trains; needs B of at least 2.

    Returns:
        `categorical_accuracy`, the share of rows whose largest logit is the true pair's (chance is
        1 / B); `logits_positive` and `logits_negative`, the mean logit on and off the diagonal;
        `logsumexp`, its mean over rows.
    """
    size = logits.shape[0]
    positive = jnp.diagonal(logits)
    hits = jnp.argmax(logits, axis=1) == jnp.arange(size)
    negative_sum = jnp.sum(logits) - jnp.sum(positive)
    return {
        "categorical_accuracy": jnp.mean(hits.astype(jnp.float32)),
        "logits_positive": jnp.mean(positive),
        "logits_negative": negative_sum / (size * (size - 1)),
        "logsumexp": jnp.mean(jax.nn.logsumexp(logits, axis=1)),
    }


@runtime_checkable
class ScoresPairs(Protocol):
    """A critic that scores all pairs of a batch."""

    def logits(
        self, states: Float[Array, "B n"], actions: Float[Array, "B a"], goals: Float[Array, "B g"]
    ) -> Float[Array, "B B"]:
        """Rows are state-actions, columns are goals."""
        ...


def evaluate(
    objective: Callable[[Logits], Scalar], critic: ScoresPairs, batch: Batch
) -> tuple[Scalar, Metrics]:
    """The objective of a critic on a batch, with the metrics of the same logits."""
    logits = critic.logits(batch.state, batch.action, batch.goal)
    return objective(logits), contrastive_metrics(logits)


def directed(
    loss: Callable[[Logits], Scalar], direction: str, penalty: float, logits: Logits
) -> Scalar:
    """`loss` plus `penalty` times `squared_logsumexp`, over rows, over columns, or their sum.

    The penalty thus holds exactly those logsumexps that the loss normalises by.
    """
    views = {"forward": [logits], "backward": [logits.T], "symmetric": [logits, logits.T]}
    terms = [loss(view) + penalty * squared_logsumexp(view) for view in views[direction]]
    return jnp.sum(jnp.stack(terms))


class AbstractContrastiveLoss(eqx.Module):
    """A critic loss that sees a batch only through the logits of all its pairs."""

    @abc.abstractmethod
    def objective(self, logits: Logits) -> Scalar:
        """The loss of a matrix of logits, penalty included."""

    @abc.abstractmethod
    def __call__(self, critic: ScoresPairs, batch: Batch) -> tuple[Scalar, Metrics]:
        """The loss of a critic on a batch, and metrics."""


class InfoNCE(AbstractContrastiveLoss):
    r"""`info_nce` over rows, columns or both, with a logsumexp penalty over the same.

    Symmetric is the sum of forward and backward, not their mean:
    $\frac1B \sum_i \log \sum_j e^{f_{ij}} + \log \sum_j e^{f_{ji}} - 2 f_{ii}$.
    """

    direction: str = eqx.field(static=True)
    logsumexp_penalty: float = eqx.field(static=True)

    def __init__(self, direction: Direction = "forward", logsumexp_penalty: Penalty = 0.1):
        """Args:
            direction: forward picks a goal for each state-action, backward a state-action for each
                goal, symmetric both.
            logsumexp_penalty: weight of `squared_logsumexp`.

        Raises:
            SettingError: unknown direction, or a negative penalty.
        """
        check(InfoNCE, direction=direction, logsumexp_penalty=logsumexp_penalty)
        self.direction = direction
        self.logsumexp_penalty = logsumexp_penalty

    def objective(self, logits: Logits) -> Scalar:
        return directed(info_nce, self.direction, self.logsumexp_penalty, logits)

    def __call__(self, critic: ScoresPairs, batch: Batch) -> tuple[Scalar, Metrics]:
        return evaluate(self.objective, critic, batch)


class BinaryNCE(AbstractContrastiveLoss):
    """`binary_nce`, with a logsumexp penalty over rows.

    The binary loss fixes the level of the logits by itself, hence no penalty by default.
    """

    logsumexp_penalty: float = eqx.field(static=True)

    def __init__(self, logsumexp_penalty: Penalty = 0.0):
        """Args:
            logsumexp_penalty: weight of `squared_logsumexp`.

        Raises:
            SettingError: a negative penalty.
        """
        check(BinaryNCE, logsumexp_penalty=logsumexp_penalty)
        self.logsumexp_penalty = logsumexp_penalty

    def objective(self, logits: Logits) -> Scalar:
        return directed(binary_nce, "forward", self.logsumexp_penalty, logits)

    def __call__(self, critic: ScoresPairs, batch: Batch) -> tuple[Scalar, Metrics]:
        return evaluate(self.objective, critic, batch)


class FlatNCE(AbstractContrastiveLoss):
    """`flat_nce` over rows, columns or both, with a logsumexp penalty over the same."""

    direction: str = eqx.field(static=True)
    logsumexp_penalty: float = eqx.field(static=True)

    def __init__(self, direction: Direction = "forward", logsumexp_penalty: Penalty = 0.1):
        """Args:
            direction: as in `InfoNCE`.
            logsumexp_penalty: weight of `squared_logsumexp`.

        Raises:
            SettingError: unknown direction, or a negative penalty.
        """
        check(FlatNCE, direction=direction, logsumexp_penalty=logsumexp_penalty)
        self.direction = direction
        self.logsumexp_penalty = logsumexp_penalty

    def objective(self, logits: Logits) -> Scalar:
        return directed(flat_nce, self.direction, self.logsumexp_penalty, logits)

    def __call__(self, critic: ScoresPairs, batch: Batch) -> tuple[Scalar, Metrics]:
        return evaluate(self.objective, critic, batch)

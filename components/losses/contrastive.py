"""Contrastive losses of critics, built from the objectives of `losses.contrastive_objectives`."""

import abc
from collections.abc import Callable
from typing import Annotated

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Key

from components.constraints import AtLeast, OneOf, check
from components.losses.contrastive_objectives import (
    Logits,
    binary_nce,
    contrastive_metrics,
    dpo,
    flat_nce,
    forward_backward,
    info_nce,
    info_nce_without_positive,
    ipo,
    sppo,
    squared_logsumexp,
    squared_logsumexp_of_negatives,
)
from components.losses.shape_checks import require_logits
from components.protocols import CriticLoss, Metrics, PairCritic, Scalar, StopGradNetworks
from components.replay.batch import Batch

Direction = Annotated[str, OneOf(("forward", "backward", "symmetric"))]
Penalty = Annotated[float, AtLeast(0)]


def directed(
    loss: Callable[[Logits], Scalar],
    penalty: Callable[[Logits], Scalar],
    weight: float,
    direction: str,
    logits: Logits,
) -> Scalar:
    """Return `loss` plus `weight` times `penalty` over rows, over columns, or summed over both."""
    views = {"forward": [logits], "backward": [logits.T], "symmetric": [logits, logits.T]}
    terms = [loss(view) + weight * penalty(view) for view in views[direction]]
    return jnp.sum(jnp.stack(terms))


class AbstractContrastiveLoss(CriticLoss):
    """A critic loss that depends on a batch only through the logits of all its pairs."""

    @abc.abstractmethod
    def objective(self, logits: Logits) -> Scalar:
        """Return the loss of a matrix of logits, penalty included."""

    def __call__(
        self,
        critic: PairCritic,
        batch: Batch,
        frozen: StopGradNetworks,  # noqa: ARG002 - nothing is bootstrapped
        key: Key[Array, ""],  # noqa: ARG002
    ) -> tuple[Scalar, Metrics]:
        """Return the loss of a critic on a batch, and metrics."""
        logits = critic.pairs(batch.state, batch.action, batch.goal).logits
        require_logits(len(batch.state), len(batch.goal), logits)
        return self.objective(logits), contrastive_metrics(logits)


class InfoNCE(AbstractContrastiveLoss):
    r"""`info_nce` over rows, columns or both, with a logsumexp penalty over the same.

    Symmetric is the sum of forward and backward, not their mean:
    $\frac1B \sum_i \log \sum_j e^{f_{ij}} + \log \sum_j e^{f_{ji}} - 2 f_{ii}$. The penalty applies
    to exactly the logsumexps that normalise the loss.
    """

    direction: str = eqx.field(static=True)
    logsumexp_penalty: float = eqx.field(static=True)
    positive_in_denominator: bool = eqx.field(static=True)

    def __init__(
        self,
        direction: Direction = "forward",
        logsumexp_penalty: Penalty = 0.1,
        positive_in_denominator: bool = True,
    ):
        """Args:
            direction: forward picks a goal for each state-action, backward a state-action for each
                goal, symmetric both.
            logsumexp_penalty: weight of the squared logsumexp.
            positive_in_denominator: include the true pair in the sum that normalises the loss.

        Raises:
            SettingError: `direction` is unknown, or the penalty is negative.
        """
        check(InfoNCE, direction=direction, logsumexp_penalty=logsumexp_penalty)
        self.direction = direction
        self.logsumexp_penalty = logsumexp_penalty
        self.positive_in_denominator = positive_in_denominator

    def objective(self, logits: Logits) -> Scalar:
        loss, penalty = info_nce, squared_logsumexp
        if not self.positive_in_denominator:
            loss, penalty = info_nce_without_positive, squared_logsumexp_of_negatives
        return directed(loss, penalty, self.logsumexp_penalty, self.direction, logits)


class FlatNCE(AbstractContrastiveLoss):
    """`flat_nce` over rows, columns or both, with a logsumexp penalty over the same."""

    direction: str = eqx.field(static=True)
    logsumexp_penalty: float = eqx.field(static=True)

    def __init__(self, direction: Direction = "forward", logsumexp_penalty: Penalty = 0.1):
        """Args:
            direction: as in `InfoNCE`.
            logsumexp_penalty: weight of `squared_logsumexp`.

        Raises:
            SettingError: `direction` is unknown, or the penalty is negative.
        """
        check(FlatNCE, direction=direction, logsumexp_penalty=logsumexp_penalty)
        self.direction = direction
        self.logsumexp_penalty = logsumexp_penalty

    def objective(self, logits: Logits) -> Scalar:
        weight, direction = self.logsumexp_penalty, self.direction
        return directed(flat_nce, squared_logsumexp, weight, direction, logits)


class AbstractPairLoss(AbstractContrastiveLoss):
    """An objective over all pairs of a batch, plus a logsumexp penalty over rows.

    Attributes:
        pair_objective: function of `losses.contrastive_objectives`.
        logsumexp_penalty: weight of `squared_logsumexp`; None leaves it out of the program.
    """

    pair_objective: eqx.AbstractClassVar[Callable[[Logits], Scalar]]
    logsumexp_penalty: eqx.AbstractVar[float | None]

    def __check_init__(self) -> None:
        if self.logsumexp_penalty is not None:
            check(type(self), logsumexp_penalty=self.logsumexp_penalty)

    def objective(self, logits: Logits) -> Scalar:
        loss = type(self).pair_objective(logits)
        if self.logsumexp_penalty is None:
            return loss
        return loss + self.logsumexp_penalty * squared_logsumexp(logits)


class BinaryNCE(AbstractPairLoss):
    """`binary_nce`, with a logsumexp penalty over rows.

    The binary loss fixes the level of the logits by itself, hence no penalty by default.
    """

    pair_objective = staticmethod(binary_nce)
    logsumexp_penalty: Penalty = eqx.field(default=0.0, static=True)


class DPO(AbstractPairLoss):
    """`dpo`, with a logsumexp penalty over rows: margins alone leave the level of a row free."""

    pair_objective = staticmethod(dpo)
    logsumexp_penalty: Penalty = eqx.field(default=0.1, static=True)


class IPO(AbstractPairLoss):
    """`ipo`, with a logsumexp penalty over rows: margins alone leave the level of a row free."""

    pair_objective = staticmethod(ipo)
    logsumexp_penalty: Penalty = eqx.field(default=0.1, static=True)


class SPPO(AbstractPairLoss):
    """`sppo`: labels of 1 and -1 fix the level of the logits, so there is no penalty."""

    pair_objective = staticmethod(sppo)
    logsumexp_penalty: None = eqx.field(default=None, init=False, static=True)


class ForwardBackward(AbstractPairLoss):
    """`forward_backward`: least squares on the ratio of future to random goals.

    It fits the ratio itself, not its logarithm: use it with `energy.Dot`.
    """

    pair_objective = staticmethod(forward_backward)
    logsumexp_penalty: None = eqx.field(default=None, init=False, static=True)


class EmbeddingPenalty(CriticLoss):
    r"""Adds a penalty to a contrastive loss: $\lambda (\overline{\phi^2} + \overline{\psi^2})$.

    The bars are means over the batch and the entries of the embeddings.
    """

    loss: AbstractContrastiveLoss
    weight: float = eqx.field(static=True)

    def __init__(self, loss: AbstractContrastiveLoss, weight: Penalty = 1e-3):
        """Args:
            loss: contrastive loss that the penalty is added to.
            weight: lambda.

        Raises:
            SettingError: `weight` is negative.
        """
        check(EmbeddingPenalty, weight=weight)
        self.loss, self.weight = loss, weight

    def __call__(
        self,
        critic: PairCritic,
        batch: Batch,
        frozen: StopGradNetworks,  # noqa: ARG002 - nothing is bootstrapped
        key: Key[Array, ""],  # noqa: ARG002
    ) -> tuple[Scalar, Metrics]:
        """Return the loss of a critic on a batch, and metrics."""
        logits, state_actions, goals = critic.pairs(batch.state, batch.action, batch.goal)
        require_logits(len(batch.state), len(batch.goal), logits)
        size = jnp.mean(jnp.square(state_actions)) + jnp.mean(jnp.square(goals))
        metrics = {**contrastive_metrics(logits), "embedding_size": size}
        return self.loss.objective(logits) + self.weight * size, metrics

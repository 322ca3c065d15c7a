"""Checks the shapes of what critics and actors return, while a loss is traced.

JAX would add a column to a row without complaint, and the loss of the (B, B) matrix would train
on pairs of unrelated transitions.
"""

import chex
from jaxtyping import Array


def require_logits(rows: int, columns: int, logits: Array) -> None:
    """Require one number per state-action and goal.

    Args:
        rows: state-actions.
        columns: goals.
        logits: from `PairCritic.pairs`.

    Raises:
        AssertionError: an energy or a critic returned something else than a matrix.
    """
    message = "an energy's pairwise must return a matrix, a number for each state-action and goal"
    chex.assert_shape(logits, (rows, columns), custom_message=message)


def require_scalars(count: int, *arrays: Array) -> None:
    """Require one number per transition.

    Args:
        count: transitions in the batch.
        arrays: scores by a critic, log-probabilities by an actor, or made from both.

    Raises:
        AssertionError: a critic or an actor returned something else than a number.
    """
    message = "a critic's score and the log-probability of an action must be scalars"
    chex.assert_shape(arrays, (count,), custom_message=message)


def require_member_values(count: int, values: Array) -> None:
    """Require one number per transition and member of an ensemble.

    Args:
        count: transitions in the batch.
        values: `EnsembleCritic.values` of each transition.

    Raises:
        AssertionError: `values` returned something else than a vector.
    """
    message = "critic.values must return a vector, a number per member"
    chex.assert_shape(values, (count, None), custom_message=message)

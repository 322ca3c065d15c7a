"""Summaries of many runs: interquartile means and stratified bootstrap intervals.

Reference: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
2021, section 4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
_RESAMPLES, _AT_ONCE = 10_000, 1_000
_SEED = 0  # the same runs give the same report


class Estimate(NamedTuple):
    """An interquartile mean and its interval; NaN where runs are too few for one.

    Attributes:
        iqm: interquartile mean.
        low: lower end of the 95% interval.
        high: upper end.
    """

    iqm: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Average the middle half of (..., runs) along the last axis.

    Drop a quarter of the runs, rounded down, at either end: none of fewer than four.
    """
    return np.asarray(stats.trim_mean(values, 0.25, axis=-1))


def estimate_interval(strata: Sequence[np.ndarray]) -> Estimate:
    """Estimate the interquartile mean over all strata, with a percentile bootstrap interval.

    Runs are resampled with replacement within each stratum, 10,000 times. A stratum of fewer than
    two runs gives no interval.

    Args:
        strata: scores (..., runs) of every task; the leading axes are alike and have an interval
            each.
    """
    centre = _iqm_of_all(*strata)
    if min(stratum.shape[-1] for stratum in strata) < 2:
        return Estimate(centre, np.full_like(centre, np.nan), np.full_like(centre, np.nan))
    interval = stats.bootstrap(
        tuple(strata),
        _iqm_of_all,
        n_resamples=_RESAMPLES,
        batch=_AT_ONCE,
        vectorized=True,
        axis=-1,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Estimate(centre, np.asarray(interval.low), np.asarray(interval.high))


def _iqm_of_all(*strata: np.ndarray, axis: int = -1) -> np.ndarray:
    return interquartile_mean(np.concatenate(strata, axis=axis))


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of the mean of (runs,); NaN for a single run."""
    return float(stats.sem(values)) if len(values) > 1 else float("nan")

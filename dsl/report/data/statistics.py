"""Few numbers from many runs: interquartile means and stratified bootstrap intervals.

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


def iqm(values: np.ndarray) -> np.ndarray:
    """Mean of the middle half of (..., runs) along the last axis.

    A quarter of the runs, rounded down, is left out at either end: of fewer than four, none.
    """
    return np.asarray(stats.trim_mean(values, 0.25, axis=-1))


def estimate(strata: Sequence[np.ndarray]) -> Estimate:
    """Interquartile mean over the runs of all strata, with a percentile bootstrap interval.

    Runs are drawn again with replacement within each stratum, 10,000 times. Fewer than two runs
    in a stratum give no interval.

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
    return iqm(np.concatenate(strata, axis=axis))


def standard_error(values: np.ndarray) -> float:
    """Of the mean of (runs,); NaN for a single run."""
    return float(stats.sem(values)) if len(values) > 1 else float("nan")

"""Interquartile means and bootstrap intervals, against every resample there is."""

import itertools

import numpy as np
import pytest

from dsl.report.data.statistics import estimate_interval, interquartile_mean, standard_error


def mean_of_the_middle(values):
    """Sorted, a quarter cut off at either end."""
    cut = len(values) // 4
    return np.mean(sorted(values)[cut : len(values) - cut])


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_iqm_is_the_mean_of_the_middle_half(count):
    values = np.random.default_rng(count).normal(size=count)
    assert interquartile_mean(values) == pytest.approx(mean_of_the_middle(values))


def test_iqm_ignores_an_outlier_where_runs_are_enough_for_it():
    assert interquartile_mean(np.array([1.0, 2.0, 3.0, 1e9])) == 2.5
    assert interquartile_mean(np.array([1.0, 2.0, 6.0])) == 3.0  # of three runs nothing is cut off


def every_interval(strata):
    """2.5% and 97.5% points over all resamples of all strata, each as likely as another."""
    resamples = [itertools.product(stratum, repeat=len(stratum)) for stratum in strata]
    found = [mean_of_the_middle(np.concatenate(one)) for one in itertools.product(*resamples)]
    return np.percentile(found, [2.5, 97.5], method="inverted_cdf")


@pytest.mark.parametrize("sizes", [(2,), (3,), (5,), (3, 4), (2, 2, 2)])
def test_intervals_are_those_of_the_stratified_bootstrap(sizes):
    rng = np.random.default_rng(sum(sizes))
    strata = [rng.normal(10 * i, 1, size) for i, size in enumerate(sizes)]
    found = estimate_interval(strata)
    assert found.iqm == pytest.approx(mean_of_the_middle(np.concatenate(strata)))
    # 10,000 draws stand for all resamples: an end may be off by a few of them.
    spread = np.ptp(np.concatenate(strata))
    np.testing.assert_allclose([found.low, found.high], every_interval(strata), atol=0.03 * spread)


def test_strata_are_never_mixed():
    """Of two tasks of one score each every resample is the same."""
    found = estimate_interval([np.array([1.0, 1.0]), np.array([5.0, 5.0])])
    assert found == (3.0, 3.0, 3.0)


def test_every_row_has_an_interval_of_its_own_and_always_the_same():
    values = np.random.default_rng(0).normal(size=(4, 5))
    values[2] = 7.0
    found = estimate_interval([values])
    assert found.low.shape == (4,)
    assert (found.low[2], found.iqm[2], found.high[2]) == (7.0, 7.0, 7.0)
    np.testing.assert_array_equal(found, estimate_interval([values]))
    np.testing.assert_allclose(found.low[1], estimate_interval([values[1]]).low)


def test_one_run_has_no_interval():
    found = estimate_interval([np.array([3.0])])
    assert found.iqm == 3.0
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(standard_error(np.array([3.0])))
    assert standard_error(np.array([1.0, 3.0])) == pytest.approx(1.0)

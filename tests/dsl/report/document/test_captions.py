"""What captions say of runs and evaluations that were found."""

import pytest

from dsl.report.document.captions import describe_averaging, describe_estimate, describe_mean


@pytest.mark.parametrize(
    ("counts", "asked", "said"),
    [
        ([5, 5], 5, "last 5 evaluations"),
        ([1], 1, "last evaluation"),
        ([1, 1], 5, "last evaluation; 5 were asked for, and there are no more"),
        ([2, 3], 3, "last 2 to 3 evaluations; 3 were asked for, and there are no more"),
        ([], 5, "last 5 evaluations"),
    ],
)
def test_the_evaluations_that_were_averaged(counts, asked, said):
    assert describe_averaging(counts, asked) == said


@pytest.mark.parametrize(
    ("counts", "mean", "estimate"),
    [
        ([1, 1], "One run each", ", without an interval."),
        ([2, 3], "Mean over runs", " and its 95% stratified-bootstrap interval."),
        ([4, 9], "Interquartile mean over runs", " and its 95% stratified-bootstrap interval."),
        (
            [1, 4],
            "Interquartile mean over runs (of fewer than four, their mean)",
            " and its 95% stratified-bootstrap interval; a single run has none.",
        ),
    ],
)
def test_the_summary_that_the_number_of_runs_allows(counts, mean, estimate):
    assert describe_mean(counts) == mean
    assert describe_estimate(counts) == mean + estimate

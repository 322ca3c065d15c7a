"""Captions that say what was found, whatever was asked for."""

from collections.abc import Sequence

_FEWEST_TRIMMED = 4  # runs; of fewer the interquartile mean drops none


def describe_averaging(counts: Sequence[int], asked: int) -> str:
    """Say how many evaluations the scores of runs are means of, as part of a sentence.

    Args:
        counts: evaluations that were averaged, of each run.
        asked: evaluations that were to be averaged.
    """
    fewest, most = min(counts, default=asked), max(counts, default=asked)
    number = str(most) if fewest == most else f"{fewest} to {most}"
    few = f"; {asked} were asked for, and there are no more" if fewest < asked else ""
    return "last evaluation" + few if most == 1 else f"last {number} evaluations{few}"


def describe_mean(counts: Sequence[int]) -> str:
    """Say by what the scores of several runs are summarised.

    Args:
        counts: number of runs of each group.
    """
    if max(counts, default=1) == 1:
        return "One run each"
    if max(counts) < _FEWEST_TRIMMED:
        return "Mean over runs"
    few = "" if min(counts) >= _FEWEST_TRIMMED else " (of fewer than four, their mean)"
    return f"Interquartile mean over runs{few}"


def describe_estimate(counts: Sequence[int]) -> str:
    """Say in a sentence what a point and its interval are, as `describe_mean` does."""
    if max(counts, default=1) == 1:
        return f"{describe_mean(counts)}, without an interval."
    single = "; a single run has none" if min(counts) == 1 else ""
    return f"{describe_mean(counts)} and its 95% stratified-bootstrap interval{single}."

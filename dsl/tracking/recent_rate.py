"""Measures the recent speed of a run."""


class RecentRate:
    """Units per second, averaged over the last few epochs.

    The first epoch is ignored, because it includes the compilation.

    Args:
        weight: the share of the newest epoch in the average, in (0, 1].
    """

    def __init__(self, weight: float = 0.3):
        self._weight = weight
        self._before: tuple[float, float] | None = None
        self._units = 0.0
        self._seconds = 0.0

    def update(self, count: float, now: float) -> None:
        """Record that an epoch has ended.

        Args:
            count: units done since the start of the run.
            now: seconds, on any steady clock.
        """
        if self._before is not None:
            count_before, before = self._before
            # Both sums decay equally, so their quotient needs no correction for its start.
            keep = 1 - self._weight
            self._units = keep * self._units + (count - count_before)
            self._seconds = keep * self._seconds + (now - before)
        self._before = (count, now)

    def units_per_second(self) -> float | None:
        """Return units per second, or None until two epochs have ended."""
        return self._units / self._seconds if self._seconds > 0 else None

    def seconds_for(self, units: float) -> float | None:
        """Return the seconds that `units` more will take, or None while that is unknown."""
        rate = self.units_per_second()
        return units / rate if rate else None

"""Chooses how many iterations each compiled call runs."""

# Signals are handled and checkpoints written between two calls.
_SECONDS = 2.0


class ChunkSizer:
    """Chooses the number of iterations of the next call, so that it lasts about two seconds."""

    def __init__(self) -> None:
        self._iterations = 1

    def next_size(self, left: int) -> int:
        """Return the iterations of the next call, at most `left`."""
        return min(self._iterations, left)

    def record(self, iterations: int, seconds: float) -> None:
        """Learn from a call."""
        fitting = _SECONDS * iterations / max(seconds, 1e-9)
        # A first call may be quick by accident: grow in steps.
        self._iterations = max(1, min(int(fitting), 4 * iterations))

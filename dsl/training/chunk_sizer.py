"""How much compiled work is asked for at once."""

# Between two calls signals are heeded and checkpoints written.
_SECONDS = 2.0


class ChunkSizer:
    """Chooses the number of iterations of the next call, so that it lasts about two seconds."""

    def __init__(self) -> None:
        self._iterations = 1

    def next(self, left: int) -> int:
        """Iterations of the next call, at most `left`."""
        return min(self._iterations, left)

    def took(self, iterations: int, seconds: float) -> None:
        """Learn from a call."""
        fitting = _SECONDS * iterations / max(seconds, 1e-9)
        # A first call may be quick by accident: grow in steps.
        self._iterations = max(1, min(int(fitting), 4 * iterations))

"""One run under way as the host sees it: where it stands, its record and its checkpoints."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dsl.checkpoint.manager import CheckpointManager
from dsl.loop.finite_check import NonFiniteError, require_finite
from dsl.loop.program import EpochState, Learners, Program
from dsl.loop.run_position import RunPosition
from dsl.loop.schedule import Schedule
from dsl.tracking import Tracker

_SCORE = "time_at_goal"


class RunServices(NamedTuple):
    """What a run is surrounded by.

    Attributes:
        tracker: receives the metrics of every epoch; epoch 0 scores the untrained policy.
        say: receives lines on what is happening.
        keeper: of checkpoints; none are written where left out.
    """

    tracker: Tracker
    say: Callable[[str], None]
    keeper: CheckpointManager | None = None


class RunMonitor:
    """A run under way, alone in its process or beside others.

    Attributes:
        position: where it stands.
        host: what it is surrounded by.
    """

    def __init__(
        self, program: Program, schedule: Schedule, position: RunPosition, host: RunServices
    ):
        self.position, self.host, self._schedule = position, host, schedule
        several = len(program.learners) > 1
        self._score_name = f"eval/{program.collector}/{_SCORE}" if several else f"eval/{_SCORE}"
        self._score = float("-inf")

    def tick(self, seconds: float, *, in_epoch: bool = True) -> None:
        """Add to the time that the run has taken."""
        done = self.position
        self.position = done._replace(
            wall_seconds=done.wall_seconds + seconds,
            epoch_seconds=done.epoch_seconds + (seconds if in_epoch else 0.0),
        )

    def advanced(self, iterations: int) -> None:
        """Count iterations of the epoch under way."""
        done = self.position
        self.position = done._replace(
            iteration=done.iteration + iterations, iterations=done.iterations + iterations
        )

    def show(self) -> None:
        """Tell how far the run has come inside an epoch."""
        steps = self.position.iterations * self._schedule.steps_per_iteration
        self.host.tracker.progress(steps)

    def end_epoch(
        self,
        metrics: Mapping[str, Any],
        finite: Mapping[str, Any],
        progress: Callable[[], EpochState],
    ) -> None:
        """Record the epoch, and begin the next.

        Args:
            metrics: of the epoch, without counters and times.
            finite: whether each array of the learners is, by name.
            progress: gives the state, should it have gone wrong.

        Raises:
            NonFiniteError: a number of training is NaN or infinite; names it and the epoch.
        """
        number = self.position.epoch
        numbers = {name: float(value) for name, value in metrics.items()}
        self.host.tracker.log(self._counters() | numbers | self._speeds())
        if number > 0:
            self._require(lambda: require_finite(numbers, finite, number), progress)
        self.position = self.position._replace(epoch=number + 1, iteration=0, epoch_seconds=0.0)
        self._score = numbers[self._score_name]

    def keep_best(self, learners: Learners) -> None:
        """Keep these networks apart if the last evaluation beats all before."""
        if self.host.keeper is not None:
            self.host.keeper.save_best(learners, self.position, self._score)

    def is_due(self) -> bool:
        """Whether it is time for a periodic checkpoint."""
        return self.host.keeper is not None and self.host.keeper.should_save(self.position)

    def save(self, progress: EpochState) -> None:
        """Begin a checkpoint.

        Raises:
            NonFiniteError: the networks hold numbers that are not finite.
        """
        keeper = self.host.keeper
        if keeper is not None:
            self._require(lambda: keeper.save(progress, self.position), lambda: progress)

    def is_saved(self) -> bool:
        """Wait for what is being written, and say whether the disk took it."""
        keeper = self.host.keeper
        if keeper is None:
            return False
        keeper.wait_until_written()
        return not keeper.failed

    def _require(self, check: Callable[[], None], progress: Callable[[], EpochState]) -> None:
        """Keep a state that has gone wrong apart, to be looked at."""
        try:
            check()
        except NonFiniteError as error:
            if self.host.keeper is None:
                raise
            aside = self._set_aside(self.host.keeper, progress())
            raise NonFiniteError(f"{error} {aside}") from error

    def _set_aside(self, keeper: CheckpointManager, progress: EpochState) -> str:
        try:
            return f"The state is in {keeper.save_nonfinite_state(progress, self.position)}."
        except OSError as error:
            return f"Its state could not be written ({error.strerror or error})."

    def _counters(self) -> dict[str, float]:
        epoch = self.position.epoch
        return {
            "epoch": epoch,
            "env_steps": self._schedule.env_steps(epoch),
            "updates": self._schedule.updates(epoch),
        }

    def _speeds(self) -> dict[str, float]:
        """Rates over one epoch, its evaluation included."""
        epoch, seconds = self.position.epoch, self.position.epoch_seconds
        steps, updates = (
            count(epoch) - (count(epoch - 1) if epoch else 0)
            for count in (self._schedule.env_steps, self._schedule.updates)
        )
        return {
            "time/env_steps_per_second": steps / seconds,
            "time/updates_per_second": updates / seconds,
            "time/epoch_seconds": seconds,
            "time/wall_seconds": self.position.wall_seconds,
        }

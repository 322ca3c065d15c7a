"""One run of this process as the host sees it: its folder, its record and where it stands."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from dsl.checkpoint.manager import CheckpointManager
from dsl.checkpoint.run_checkpoints import read_newest_metadata
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.loop.evaluation_rollout import Rollout
from dsl.loop.finite_check import NonFiniteError, require_finite
from dsl.loop.program import LearnerStates, TrainState
from dsl.loop.run_position import RunPosition
from dsl.records.console_output import write_line
from dsl.records.durable_files import UnreadableError, reporting_unwritable
from dsl.records.metrics_log import describe_gaps, read_metrics
from dsl.records.own_words import store_words
from dsl.records.resume import (
    Finished,
    cut_record,
    find_record_damage,
    mark_finished,
    read_finished,
)
from dsl.records.run_folder import METRICS, WORDS, RunFolder, read_environment
from dsl.records.run_times import SECONDS_BEFORE
from dsl.records.same_code import (
    WORD_HASHES,
    describe_code_changes,
    hash_words,
    require_same_words,
)
from dsl.records.same_run import describe_ignored_changes, require_same_run
from dsl.tracking import Tracker
from dsl.training.epoch_numbers import epoch_counters, epoch_rates
from dsl.training.learning_rates import learning_rate_notices
from dsl.training.physics_of_run import PHYSICS, continue_physics, engine_name
from dsl.training.pictures import record_pictures


class RunJob:
    """A run that begins, or resumes, in a folder of this process.

    Attributes:
        experiment: what runs.
        folder: where its record is kept.
        schedule: its epochs.
        position: where it stands.
        tracker: receives the metrics of every epoch; epoch 0 scores the untrained policy.
    """

    tracker: Tracker

    def __init__(
        self,
        experiment: Experiment,
        description: Mapping[str, Any],
        folder: RunFolder,
        *,
        accept_changes: bool = False,
    ):
        """Args:
            experiment: what runs.
            description: arguments of `RunFolder.describe`; `words` are stored beside them.
            folder: where its record is kept.
            accept_changes: whether it may resume under own words that have changed.

        Raises:
            UsageError: the folder holds another run, or own words have changed.
        """
        self.folder, self._description = folder, dict(description)
        self._words = self._description.pop("words", {})
        self._is_resumed = require_same_run(folder.path, description["operative"], write_line)
        self._earlier = read_environment(folder.path) if self._is_resumed else {}
        metadata = read_newest_metadata(folder.path)
        self.experiment = continue_physics(experiment, metadata, write_line)
        # A new total never changes the epochs of a resumed run.
        epoch_length = None if metadata is None else metadata["iterations_per_epoch"]
        self.schedule = experiment.schedule(epoch_length)
        self._changed_words = list[str]()
        if self._is_resumed:
            # Changed words do no harm where nothing is left to train.
            accepted = accept_changes or self.is_finished()
            changed = require_same_words(folder.path, self._words, accept_changes=accepted)
            self._changed_words = changed
        self.position = RunPosition()
        self._score = float("-inf")

    def is_finished(self) -> bool:
        """Return whether the run was finished earlier.

        Raises:
            UsageError: it was, but its record is damaged.
        """
        end = read_finished(self.folder.path)
        if not self._is_resumed or end is None:
            return False
        # Without a checkpoint, the schedule does not know the length of the epochs there were.
        total = self.experiment.total_env_steps
        if end.epoch < self.schedule.epochs or end.env_steps < total:
            return False
        if damage := find_record_damage(self.folder.path, end):
            raise UsageError(
                f"{self.folder.path / METRICS}: {damage}, although the run is finished. Bring the "
                "record back from a copy, or begin the run again with --restart, which moves the "
                "old one aside."
            )
        return True

    def finished_notices(self) -> list[str]:
        """Return what differs between a finished run and the one that is asked for."""
        notices = [describe_ignored_changes(self.folder.path, self._description["operative"])]
        if gaps := describe_gaps(read_metrics(self.folder.path / METRICS)):
            notices.append(f"its record {gaps}")
        if self._changed_words:
            notices.append(
                f"own words have changed since it was trained: {', '.join(self._changed_words)}. "
                "Nothing is left to train, so nothing was recorded. To train under the changed "
                "ones, give --out another folder, or begin again with --restart."
            )
        return [notice for notice in notices if notice]

    def write_description(self, seeds: Sequence[int] | None = None) -> None:
        """Write down what the run is, and the seeds it is trained together with."""
        environment = {
            **self._description["environment"],
            SECONDS_BEFORE: self.position.wall_seconds,
            WORD_HASHES: hash_words(self._words),
            PHYSICS: engine_name(self.experiment),
        }
        if seeds is not None:
            environment["seeds_together"] = list(seeds)
        if self._changed_words:
            environment["accepted_changes"] = self._changed_words
        if changes := describe_code_changes(self._earlier, environment):
            write_line(changes)
        description = {**self._description, "environment": environment}
        self.folder.describe(**description, resumed=self._is_resumed)
        self._copy_words()

    def _copy_words(self) -> None:
        """Keep the sources of own words; their hashes in the description tell them without that."""
        try:
            with reporting_unwritable(self.folder.path / WORDS):
                if earlier := store_words(self.folder.path, self._words):
                    write_line(f"{self._why_words_moved()}; they are in {earlier} now")
        except UnreadableError as error:
            write_line(f"own words were not copied: {error}")

    def _why_words_moved(self) -> str:
        if self._changed_words:
            return "own words have changed since the earlier ones were copied"
        return "the copies of own words were no longer those of the run"

    @cached_property
    def checkpoints(self) -> CheckpointManager:
        """Return the run's checkpoints."""
        epoch_length, engine = self.schedule.iterations_per_epoch, engine_name(self.experiment)
        metadata = {"iterations_per_epoch": epoch_length, PHYSICS: engine}
        policy = self.experiment.checkpoint_policy
        return CheckpointManager(self.folder.path, policy, metadata, write_line)

    def start_at(self, position: RunPosition) -> None:
        """Set the position, and make the record end there.

        Raises:
            UsageError: the record is damaged.
        """
        self.position = position
        resumes = position.iterations > 0 or position.epoch > 0
        if lost := cut_record(self.folder.path, position.epoch, write_line, has_checkpoint=resumes):
            write_line(f"the record has lost {len(lost)} epochs before, from epoch {lost[0]} on")
        steps = self.schedule.env_steps(position.epoch - 1) if position.epoch else 0
        if position.epoch - 1 > self.schedule.epochs:
            write_line(
                f"the run has {position.epoch - 1} epochs already, more than the "
                f"{self.schedule.epochs} asked for; it ends where it is"
            )
        if resumes:
            write_line(f"resuming at epoch {position.epoch}, {steps:,} environment steps")
        for line in self._learning_rate_notices():
            write_line(line)

    def _learning_rate_notices(self) -> list[str]:
        """Describe the schedules of the run, and where they leave what has been recorded."""
        epoch, updates = self.position.epoch, self.schedule.updates(self.schedule.epochs)
        path = self.folder.path / METRICS
        recorded = read_metrics(path)[-1:] if epoch and path.exists() else []
        made = self.schedule.updates(max(0, epoch - 1))
        learners, last = self.experiment.learners, recorded[0] if recorded else {}
        return learning_rate_notices(learners, updates, made, last)

    def finish(self, rollout: Rollout) -> None:
        """Draw the last evaluation, and mark the run as finished."""
        experiment = self.experiment
        try:
            record_pictures(experiment.eval_env, rollout, self.tracker, experiment.film, write_line)
        finally:  # a task that cannot be drawn has been trained all the same
            epochs = max(self.schedule.epochs, self.position.epoch - 1)
            mark_finished(self.folder.path, Finished(epochs, self.schedule.env_steps(epochs)))

    def add_seconds(self, seconds: float, *, in_epoch: bool = True) -> None:
        """Add to the time that the run has taken."""
        before = self.position
        self.position = before._replace(
            wall_seconds=before.wall_seconds + seconds,
            epoch_seconds=before.epoch_seconds + (seconds if in_epoch else 0.0),
        )

    def add_iterations(self, iterations: int) -> None:
        """Count iterations of the epoch under way."""
        before = self.position
        self.position = before._replace(
            iteration=before.iteration + iterations, iterations=before.iterations + iterations
        )

    def show_progress(self) -> None:
        """Tell the tracker how far the run has come inside an epoch."""
        self.tracker.progress(self.position.iterations * self.schedule.steps_per_iteration)

    def end_epoch(
        self,
        metrics: Mapping[str, Any],
        flags: Mapping[str, Any],
        get_state: Callable[[], TrainState],
    ) -> None:
        """Record the epoch, and begin the next.

        Args:
            metrics: of the epoch, without counters and times.
            flags: whether each array of the learners is finite, by name.
            get_state: gives the state, which is kept if it is not finite.

        Raises:
            NonFiniteError: a number of training is NaN or infinite; names it and the epoch.
        """
        epoch = self.position.epoch
        stands = self.schedule, self.position
        numbers = {name: float(value) for name, value in metrics.items()}
        self.tracker.log(epoch_counters(*stands) | numbers | epoch_rates(*stands))
        if epoch > 0:
            # A score that is not a number says nothing about the state of training.
            trained = {n: number for n, number in numbers.items() if n.startswith("train/")}
            self._keep_if_nonfinite(lambda: require_finite(trained, flags, epoch), get_state)
        self.position = self.position._replace(epoch=epoch + 1, iteration=0, epoch_seconds=0.0)
        self._score = self.experiment.score(numbers)

    def save_if_best(self, learners: LearnerStates) -> None:
        """Save these networks if the last evaluation beats all before."""
        self.checkpoints.save_best(learners, self.position, self._score)

    def checkpoint_is_due(self) -> bool:
        """Return whether it is time for a periodic checkpoint."""
        return self.checkpoints.should_save(self.position)

    def save(self, state: TrainState) -> None:
        """Begin to write a checkpoint.

        Raises:
            NonFiniteError: the networks hold numbers that are not finite.
        """
        checkpoints = self.checkpoints
        self._keep_if_nonfinite(lambda: checkpoints.save(state, self.position), lambda: state)

    def wait_until_saved(self) -> bool:
        """Wait for the checkpoint being written, and return whether the disk took it."""
        self.checkpoints.wait_until_written()
        return not self.checkpoints.failed

    def _keep_if_nonfinite(
        self, check: Callable[[], None], get_state: Callable[[], TrainState]
    ) -> None:
        """Run a check; a state that fails it is written to a place of its own for inspection."""
        try:
            check()
        except NonFiniteError as error:
            where = self._save_nonfinite_state(get_state())
            raise NonFiniteError(f"{error} {where}") from error

    def _save_nonfinite_state(self, state: TrainState) -> str:
        try:
            return f"The state is in {self.checkpoints.save_nonfinite_state(state, self.position)}."
        except OSError as error:
            return f"Its state could not be written ({error.strerror or error})."

"""Decides when checkpoints are written, which are kept, and which one a run continues from."""

import contextlib
import math
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsl.checkpoint import disk_format
from dsl.checkpoint.errors import DamagedError
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.checkpoint.run_checkpoints import (
    BEST,
    CHECKPOINTS,
    QUARANTINED,
    SAVED,
    UNFINISHED,
    checkpoint_number,
    list_checkpoints,
    quarantine_checkpoint,
)
from dsl.checkpoint.state_arrays import (
    BUFFER,
    LEARNERS,
    NETWORKS,
    REST,
    copy_arrays,
    join_state,
    split_state,
)
from dsl.errors import UsageError
from dsl.loop.finite_check import require_finite
from dsl.loop.program import LearnerStates, TrainState
from dsl.loop.run_position import RunPosition
from dsl.records.durable_files import REMEDIES

NONFINITE = "nonfinite"
# Periodic checkpoints never take more than this share of the time.
_LARGEST_SHARE = 0.03


class CheckpointManager:
    """The checkpoints of one run, in `RUN/checkpoints`.

    Periodic ones are copied on the host and written by a thread while training continues. A write
    that fails is reported; the run continues, and no earlier checkpoint is touched before a later
    one is whole.

    Attributes:
        failed: whether the last write did; settled after `wait_until_written`.

    Args:
        folder: of the run, which this process owns.
        policy: how often, how many.
        metadata: plain data that every checkpoint carries.
        report: receives a line when a checkpoint cannot be written or is damaged.
        clock: seconds on a steady clock.

    Raises:
        IncompatibleError: the best policy is in a format that this version does not read.
        UnreadableError: the checkpoints cannot be read now.
    """

    def __init__(
        self,
        folder: Path,
        policy: CheckpointPolicy,
        metadata: Mapping[str, Any],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._run, self.folder = folder, folder / CHECKPOINTS
        self._policy, self._metadata = policy, dict(metadata)
        self._report, self._clock = report, clock
        self._writer: threading.Thread | None = None
        self.failed = False
        self._failing_because: str | None = None
        self._last_end, self._last_cost = clock(), 0.0
        self._last_epoch: int | None = None
        self._best_score = self._read_best_score()
        for leftover in list_checkpoints(self.folder, UNFINISHED):
            with contextlib.suppress(OSError):  # it does no harm
                disk_format.discard_checkpoint(leftover)

    def has_checkpoints(self) -> bool:
        """Return whether the run has a checkpoint, good, damaged or quarantined."""
        return bool(self.saved_iterations() or list_checkpoints(self.folder, QUARANTINED))

    def saved_iterations(self) -> list[int]:
        """Return after how many iterations each checkpoint was written, in order."""
        return [checkpoint_number(path) for path in list_checkpoints(self.folder, SAVED)]

    def restore_latest(
        self, template: TrainState, at_most: int | None = None
    ) -> tuple[TrainState, RunPosition] | None:
        """Return the state and position of the newest good checkpoint, or None without one.

        A damaged one is named and quarantined, and the one before it used.

        Args:
            template: the state with shapes in place of arrays.
            at_most: iterations after which it may have been written; any if None.

        Raises:
            IncompatibleError: it is of another format or state; nothing is touched.
            UnreadableError: it cannot be read now; nothing is touched.
            UsageError: the run has checkpoints and all of them are damaged.
        """
        for path in reversed(list_checkpoints(self.folder, SAVED)):
            if at_most is not None and checkpoint_number(path) > at_most:
                continue
            try:
                restored = _restore_checkpoint(path, template)
            except DamagedError as error:
                self._quarantine(path, error)
            else:
                self._last_epoch = restored[1].epoch
                return restored
        self.refuse_lost_run()
        return None

    def refuse_lost_run(self) -> None:
        """Refuse to begin a run again whose every checkpoint is damaged, however often asked.

        Raises:
            UsageError: only quarantined checkpoints are left.
        """
        if self.saved_iterations() or not list_checkpoints(self.folder, QUARANTINED):
            return
        raise UsageError(
            f"{self.folder}: every checkpoint is damaged; they are kept as *.damaged-N, and the "
            "record is as it was. Bring back a copy of a checkpoint under its own name, or begin "
            "the run again from its first step with --restart, which moves the old record aside."
        )

    def discard_after(self, iterations: int) -> None:
        """Remove checkpoints written later, of a future that is about to be computed again."""
        for path in list_checkpoints(self.folder, SAVED):
            if checkpoint_number(path) > iterations:
                disk_format.discard_checkpoint(path)

    def should_save(self, position: RunPosition) -> bool:
        """Return whether it is time for a periodic checkpoint."""
        if self._writer is not None and self._writer.is_alive():
            return False
        every, last = self._policy.epochs, self._last_epoch or 0
        if every is not None and position.epoch - last >= every:
            return True
        pause = max(60 * self._policy.minutes, self._last_cost / _LARGEST_SHARE)
        return self._clock() - self._last_end >= pause

    def save(self, state: TrainState, position: RunPosition) -> None:
        """Copy the state of the run, and begin to write it in a thread.

        Raises:
            NonFiniteError: the networks hold numbers that are not finite; nothing is written.
        """
        started = self._clock()
        self.wait_until_written()
        path = self.folder / f"iteration_{position.iterations:09d}"
        if os.path.exists(path):  # the same state
            self.failed = False
            return
        parts = split_state(state)
        require_finite({}, _finite_arrays(parts[LEARNERS]), position.epoch)
        self._last_epoch = position.epoch

        def write() -> None:
            try:
                disk_format.write_checkpoint(path, parts, self._metadata_at(position))
                self._discard_oldest(SAVED, self._policy.kept)
            finally:  # one that failed is not tried again at once
                self._last_end = self._clock()
                self._last_cost = self._last_end - started

        self._start_writing(write)

    def save_best(self, learners: LearnerStates, position: RunPosition, score: float) -> None:
        """Begin to write these networks if their score beats all before."""
        if score > self._best_score:
            self.wait_until_written()  # what is being written may be better
        if not score > self._best_score:
            return
        networks = {name: {NETWORKS: learner.networks} for name, learner in learners.items()}
        parts = {LEARNERS: copy_arrays(networks)}
        path = self.folder / f"best_{position.iterations:09d}"

        def write() -> None:
            metadata = {**self._metadata_at(position), "score": score}
            disk_format.write_checkpoint(path, parts, metadata)
            self._best_score = score
            self._discard_oldest(BEST, 1)

        self._start_writing(write)

    def save_nonfinite_state(self, state: TrainState, position: RunPosition) -> Path:
        """Write a state with numbers that are not finite into `RUN/nonfinite`, to be looked at.

        Raises:
            OSError: it cannot be written.
        """
        self.wait_until_written()
        path = self._run / NONFINITE
        disk_format.discard_checkpoint(path)
        disk_format.write_checkpoint(path, split_state(state), self._metadata_at(position))
        return path

    def wait_until_written(self) -> None:
        """Wait until everything begun is on the disk, or has failed."""
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def _read_best_score(self) -> float:
        """Return the score of the best policy so far; a damaged one is quarantined."""
        for path in reversed(list_checkpoints(self.folder, BEST)):
            try:
                return float(disk_format.read_manifest(path).metadata["score"])
            except DamagedError as error:
                self._quarantine(path, error)
        return -math.inf

    def _metadata_at(self, position: RunPosition) -> dict[str, Any]:
        return {**self._metadata, "position": position._asdict()}

    def _quarantine(self, path: Path, error: DamagedError) -> None:
        try:
            aside = quarantine_checkpoint(path)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UsageError(f"{error}, and cannot be renamed ({reason}).") from problem
        self._report(f"DAMAGED CHECKPOINT: {error}. It is now called {aside.name}.")

    def _start_writing(self, write: Callable[[], None]) -> None:
        def guarded() -> None:
            self.failed = True
            try:
                write()
            except OSError as error:
                self._report_failure(error)
            else:
                self.failed = False
                self._report_success()

        self._writer = threading.Thread(target=guarded, name="checkpoint")
        self._writer.start()

    def _report_failure(self, error: OSError) -> None:
        """Say why a write failed; once while the reason stays the same."""
        reason = f"{error.strerror or error}"
        if reason != self._failing_because:
            remedy = REMEDIES.get(error.errno or 0)
            advice = f" {remedy}." if remedy else ""
            self._report(
                f"CHECKPOINT NOT WRITTEN in {self.folder} ({reason}). Training continues, earlier "
                f"checkpoints are untouched, and the next one is tried again.{advice}"
            )
        self._failing_because = reason

    def _report_success(self) -> None:
        if self._failing_because is not None:
            self._report(f"checkpoints are written again in {self.folder}")
        self._failing_because = None

    def _discard_oldest(self, kind: re.Pattern[str], kept: int) -> None:
        for path in list_checkpoints(self.folder, kind)[:-kept]:
            disk_format.discard_checkpoint(path)


def _restore_checkpoint(path: Path, template: TrainState) -> tuple[TrainState, RunPosition]:
    position = RunPosition(**disk_format.read_manifest(path).metadata["position"])
    parts = {name: disk_format.read_arrays(path, name) for name in (LEARNERS, BUFFER, REST)}
    return join_state(template, parts, path), position


def _finite_arrays(arrays: disk_format.Arrays) -> dict[str, bool]:
    return {
        name: bool(np.isfinite(array).all())
        for name, array in arrays.items()
        if array.dtype.kind not in "iub"
    }

"""When checkpoints are written, which are kept, and which one a run goes on from."""

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dsl.checkpoint import store
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.checkpoint.serialisation import BUFFER, LEARNERS, NETWORKS, REST, copies, join, split
from dsl.checkpoint.store import DamagedError
from dsl.errors import UsageError
from dsl.loop.finite_check import require_finite
from dsl.loop.program import EpochState, Learners

CHECKPOINTS = "checkpoints"
ASIDE = "nonfinite"
_NAME = re.compile(r"iteration_(\d+)")
_BEST = re.compile(r"best_(\d+)")
# Periodic checkpoints never take more than this share of the time.
_LARGEST_SHARE = 0.03

Say = Callable[[str], None]


class RunPosition(NamedTuple):
    """Where a run stands, as the host counts.

    Attributes:
        epoch: that is under way.
        iteration: unrolls of it that are done.
        iterations: unrolls since the run began.
        wall_seconds: of all processes that worked on the run.
        epoch_seconds: likewise, of this epoch.
    """

    epoch: int = 0
    iteration: int = 0
    iterations: int = 0
    wall_seconds: float = 0.0
    epoch_seconds: float = 0.0


class CheckpointManager:
    """The checkpoints of one run, in `RUN/checkpoints`.

    Periodic ones are copied on the host and written by a thread beside the training. A write that
    fails is reported; the run goes on, and no earlier checkpoint is touched before a later one is
    whole.

    Attributes:
        failed: whether the last write did; settled after `wait`.

    Args:
        folder: of the run, which this process owns.
        cadence: how often, how many.
        facts: plain data that every checkpoint carries.
        say: receives a line where a checkpoint cannot be written or read.
        clock: seconds on a steady clock.
    """

    def __init__(
        self,
        folder: Path,
        cadence: CheckpointPolicy,
        facts: Mapping[str, Any],
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._run, self.folder = folder, folder / CHECKPOINTS
        self._cadence, self._facts, self._say, self._clock = cadence, dict(facts), say, clock
        self._writing: threading.Thread | None = None
        self.failed = False
        self._last_end, self._last_cost = clock(), 0.0
        self._last_epoch: int | None = None
        self._best = self._best_score()
        for left in self.folder.glob(".tmp-*"):
            store.discard(left)

    def _best_score(self) -> float:
        """Of the best policy so far; a damaged one is named and renamed."""
        for path in reversed(_numbered(self.folder, _BEST)):
            try:
                return float(store.read_facts(path)["score"])
            except DamagedError as error:
                self._tell_of_damage(path, error)
        return -math.inf

    def _tell_of_damage(self, path: Path, error: DamagedError) -> None:
        self._say(f"DAMAGED CHECKPOINT: {error}. It is now called {_set_aside(path).name}.")

    def has_any(self) -> bool:
        """Whether the run has a checkpoint, good or damaged."""
        return bool(_numbered(self.folder, _NAME))

    def iterations(self) -> list[int]:
        """Of every checkpoint, good or damaged, how many iterations it was written after."""
        return [_number(path) for path in _numbered(self.folder, _NAME)]

    def resume(
        self, template: EpochState, most: int | None = None
    ) -> tuple[EpochState, RunPosition] | None:
        """The newest good checkpoint, or None where the run has none.

        A damaged one is named, renamed, and the one before it used.

        Args:
            template: the run with shapes in place of arrays.
            most: iterations after which it may have been written; any where left out.

        Raises:
            UsageError: there are checkpoints and all of them are damaged.
        """
        found = _numbered(self.folder, _NAME)
        for path in reversed([p for p in found if most is None or _number(p) <= most]):
            try:
                position = RunPosition(**store.read_facts(path)["position"])
                parts = {name: store.read(path, name) for name in (LEARNERS, BUFFER, REST)}
                progress = join(template, parts)
            except DamagedError as error:
                self._tell_of_damage(path, error)
            else:
                self._last_epoch = position.epoch
                return progress, position
        if found and not self.has_any():
            raise UsageError(
                f"{self.folder}: every checkpoint is damaged. Remove that folder to begin the run "
                "again from its first step, or bring back a copy of a checkpoint."
            )
        return None

    def forget_after(self, iterations: int) -> None:
        """Remove the checkpoints that were written later: they are of a future that is now new."""
        for path in _numbered(self.folder, _NAME):
            if _number(path) > iterations:
                store.discard(path)

    def due(self, position: RunPosition) -> bool:
        """Whether it is time for a periodic checkpoint."""
        if self._writing is not None and self._writing.is_alive():
            return False
        every, last = self._cadence.epochs, self._last_epoch or 0
        if every is not None and position.epoch - last >= every:
            return True
        pause = max(60 * self._cadence.minutes, self._last_cost / _LARGEST_SHARE)
        return self._clock() - self._last_end >= pause

    def save(self, progress: EpochState, position: RunPosition) -> None:
        """Copy the run's state and write it beside the training.

        Raises:
            NonFiniteError: the networks hold numbers that are not finite; nothing is written.
        """
        begun = self._clock()
        self.wait()
        path = self.folder / f"iteration_{position.iterations:09d}"
        if path.exists():  # the same state
            self.failed = False
            return
        parts = split(progress)
        require_finite({}, _finite(parts[LEARNERS]), position.epoch)
        self._last_epoch = position.epoch
        facts = {**self._facts, "position": position._asdict()}

        def write() -> None:
            store.write(path, parts, facts)
            self._prune(_NAME, self._cadence.kept)
            self._last_end = self._clock()
            self._last_cost = self._last_end - begun

        self._start(write)

    def save_best(self, learners: Learners, position: RunPosition, score: float) -> None:
        """Keep these networks apart if their evaluation beats all before."""
        if score > self._best:
            self.wait()  # what is being written may be better
        if not score > self._best:
            return
        networks = {name: {NETWORKS: learner.networks} for name, learner in learners.items()}
        parts = {LEARNERS: copies(networks)}
        path = self.folder / f"best_{position.iterations:09d}"
        facts = {**self._facts, "position": position._asdict(), "score": score}

        def write() -> None:
            store.write(path, parts, facts)
            self._best = score
            self._prune(_BEST, 1)

        self._start(write)

    def set_aside(self, progress: EpochState, position: RunPosition) -> Path:
        """Write a state that has gone wrong into `RUN/nonfinite`, to be looked at.

        Raises:
            OSError: it cannot be written.
        """
        self.wait()
        path = self._run / ASIDE
        store.discard(path)
        facts = {**self._facts, "position": position._asdict()}
        store.write(path, split(progress), facts)
        return path

    def wait(self) -> None:
        """Until everything begun is on the disk."""
        if self._writing is not None:
            self._writing.join()
            self._writing = None

    def _start(self, write: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                write()
                self.failed = False
            except OSError as error:
                self.failed = True
                self._say(
                    f"CHECKPOINT NOT WRITTEN in {self.folder} ({error.strerror or error}). "
                    "Training goes on; earlier checkpoints are untouched. Make room there."
                )

        self._writing = threading.Thread(target=guarded, name="checkpoint")
        self._writing.start()

    def _prune(self, pattern: re.Pattern[str], kept: int) -> None:
        for path in _numbered(self.folder, pattern)[:-kept]:
            store.discard(path)


def policies(folder: Path) -> list[Path]:
    """The checkpoints of a run that a policy can be read from: the best, then the newest first."""
    checkpoints = folder / CHECKPOINTS
    best, rest = _numbered(checkpoints, _BEST), _numbered(checkpoints, _NAME)
    return [*reversed(best), *reversed(rest)]


def facts(folder: Path) -> dict[str, Any] | None:
    """What the newest readable checkpoint of a run carries, or None where it has none."""
    for path in reversed(_numbered(folder / CHECKPOINTS, _NAME)):
        try:
            return store.read_facts(path)
        except DamagedError:
            continue
    return None


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Checkpoints of one kind, oldest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if pattern.fullmatch(path.name)), key=_number)


def _number(path: Path) -> int:
    """Iterations after which a checkpoint was written."""
    return int(path.name.rpartition("_")[2])


def _set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint, so that it is neither used nor counted nor lost."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return path.rename(aside)


def _finite(arrays: store.Arrays) -> dict[str, bool]:
    return {
        name: bool(np.isfinite(array).all())
        for name, array in arrays.items()
        if array.dtype.kind not in "iub"
    }

"""Copies run folders into Aim while they grow, each time what is new."""

from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from dsl.records.metrics_log import read_metrics_from
from dsl.records.run_folder import METRICS, PICTURES, find_user
from dsl.tracking.aim_queue import QueuedRun, QueueMark


def copy_run(folder: Path, root: Path) -> None:
    """Write everything that a run has recorded into the Aim repository in `root`."""
    ended = find_user(folder) is None
    copier = RunCopier(folder, root)
    try:
        copier.catch_up()
    finally:
        copier.close(ended=ended)


class RunCopier:
    """Copies one run into Aim.

    Args:
        folder: of the run.
        root: the folder that holds the repository.
    """

    def __init__(self, folder: Path, root: Path):
        from dsl.tracking.aim_writer import AimWriter

        self._folder, self._writer = folder, AimWriter(folder, root)
        self._offset, self._seen = 0, dict[Path, int]()

    def catch_up(self) -> None:
        """Copy what is new."""
        epochs, self._offset = read_metrics_from(self._folder / METRICS, self._offset)
        for metrics in epochs:
            self._writer.log(metrics)
        pictures = self._folder / PICTURES
        for path in sorted([*pictures.glob("*.png"), *pictures.glob("*.gif")]):
            changed = path.stat().st_mtime_ns
            if self._seen.get(path) != changed:
                self._seen[path] = changed
                # A film keeps its ending, which tells it from the picture of the same name.
                self._writer.picture(path.name.removesuffix(".png"), path)

    def close(self, *, ended: bool) -> None:
        """Stop copying; a run that has not ended stays active in Aim."""
        self._writer.close(ended=ended)


class _Open(NamedTuple):
    """A run that is being copied, None if that failed, and the mark that it had in the queue."""

    copier: RunCopier | None
    mark: QueueMark


class AimCopiers:
    """The copiers of one repository's writer; use it as a context manager.

    Args:
        root: the folder that holds the repository.
    """

    def __init__(self, root: Path):
        self._root = root
        self._open = dict[Path, _Open]()

    def catch_up(self, run: QueuedRun) -> None:
        """Copy what is new of a queued run, and take it off the queue when it has ended."""
        mark = run.read_mark()
        if mark is None:
            return
        ended = run.has_ended(mark)
        copier = self._copier(run, mark, ended=ended)
        if copier is None:
            return
        copier.catch_up()
        if ended:
            del self._open[run.folder]
            copier.close(ended=True)
            run.remove(mark)

    def give_up(self, run: QueuedRun) -> None:
        """Leave a run that cannot be copied alone until it ends or is started again."""
        mark, failed = run.read_mark(), self._open.pop(run.folder, None)
        if mark:
            self._open[run.folder] = _Open(None, mark)
        if failed and failed.copier:
            with suppress(Exception):  # it is being given up because of one already
                failed.copier.close(ended=False)

    def __enter__(self) -> "AimCopiers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Hand over: the runs that have not ended stay active in Aim."""
        with ExitStack() as all_of_them:
            for copier, _mark in self._open.values():
                if copier:
                    all_of_them.callback(copier.close, ended=False)

    def _copier(self, run: QueuedRun, mark: QueueMark, *, ended: bool) -> RunCopier | None:
        opened = self._open.get(run.folder)
        # A run that was started again may have cut its record back to a checkpoint.
        if opened and opened.mark != mark and not (ended and opened.copier):
            del self._open[run.folder]
            if opened.copier:
                opened.copier.close(ended=False)
            opened = None
        if opened is None:
            opened = self._open[run.folder] = _Open(RunCopier(run.folder, self._root), mark)
        return opened.copier

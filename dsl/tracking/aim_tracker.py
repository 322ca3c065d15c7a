"""The run's side of Aim: starts the process that follows the run, and ends it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from dsl.records.metrics_log import Metrics
from dsl.tracking.aim_repository import repository, repository_lock

LOG = "aim.log"
_CLOSING_SECONDS = 60.0
_SOURCE = Path(__file__).resolve().parent.parent.parent


class AimError(Exception):
    """Aim does not show the run; says why."""


class AimTracker:
    """Shows runs in Aim, from a process that reads what their records have written.

    Args:
        folders: of the runs, already described; the repository is `.aim` beside them.
        closing_seconds: how long Aim may take at the end before it is given up.
    """

    def __init__(self, *folders: Path, closing_seconds: float = _CLOSING_SECONDS):
        self._log = folders[0] / LOG
        self._closing_seconds = closing_seconds
        _tell_of_other_writer(folders[0])
        self._process = _start(folders, self._log)

    def log(self, metrics: Metrics) -> None:  # noqa: ARG002 - read from metrics.jsonl
        """Nothing but a look whether Aim is still there.

        Raises:
            AimError: it is not.
        """
        if self._process.poll() is not None:
            self._release()
            raise AimError(self._reason())

    def progress(self, env_steps: int) -> None:
        """Nothing: Aim shows whole epochs."""

    def picture(self, name: str, path: Path) -> None:
        """Nothing: pictures are read from the run's folder."""

    def close(self) -> None:
        """Let Aim read the rest, and wait for it.

        Raises:
            AimError: not all of the run is in Aim.
        """
        self._release()
        try:
            status = self._process.wait(self._closing_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AimError(f"did not finish within {self._closing_seconds:g} seconds.") from None
        if status != 0:
            raise AimError(self._reason())
        self._log.unlink(missing_ok=True)

    def _release(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _reason(self) -> str:
        if self._process.returncode != 1:
            return f"ended with status {self._process.returncode}; see {self._log}."
        return self._log.read_text(errors="replace").splitlines()[-1]


def _start(folders: Sequence[Path], log: Path) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    # Whoever makes warnings errors means their own code, not Aim's.
    environment.pop("PYTHONWARNINGS", None)
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = str(_SOURCE) + (os.pathsep + path if path else "")
    with open(log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dsl.tracking.aim_follower", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )


def _tell_of_other_writer(folder: Path) -> None:
    lock = repository_lock(folder.parent)
    try:
        free = lock.acquire()
    except OSError:
        return  # the process will fail on it too, and say so
    lock.release()
    if not free:
        tqdm.write(
            f"Aim: {repository(folder.parent)} is being written by {lock.holder()}; this run "
            "appears there when that one has ended. metrics.jsonl has everything.",
            file=sys.stderr,
        )

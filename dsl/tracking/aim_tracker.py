"""Starts the process that copies runs into Aim, and ends it with them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.records.metrics_log import Metrics

LOG = "aim.log"
_CLOSING_SECONDS = 60.0
_SOURCE = Path(__file__).resolve().parent.parent.parent


class AimError(Exception):
    """Says why Aim does not show all of a run."""


class AimTracker:
    """Shows runs in Aim, from a process that reads what their records have written.

    Args:
        folders: the runs' folders, already described; the repository is `.aim` beside them.
        closing_seconds: how long Aim may take at the end before it is abandoned.
    """

    def __init__(self, *folders: Path, closing_seconds: float = _CLOSING_SECONDS):
        self._log = folders[0] / LOG
        self._closing_seconds = closing_seconds
        self._process = _start_follower(folders, self._log)

    def log(self, metrics: Metrics) -> None:  # noqa: ARG002 - read from metrics.jsonl
        """Check that the process is alive; it reads the epoch from `metrics.jsonl`.

        Raises:
            AimError: it has ended.
        """
        if self._process.poll() is not None:
            self._signal_end()
            raise AimError(self._read_reason())

    def progress(self, env_steps: int) -> None:
        """Do nothing: Aim shows whole epochs."""

    def picture(self, name: str, path: Path) -> None:
        """Do nothing: pictures are read from the run's folder."""

    def close(self) -> None:
        """Let Aim read the rest, and wait for it.

        Raises:
            AimError: not all of the run is in Aim.
        """
        self._signal_end()
        try:
            status = self._process.wait(self._closing_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AimError(f"did not finish within {self._closing_seconds:g} seconds.") from None
        if status != 0:
            raise AimError(self._read_reason())
        self._log.unlink(missing_ok=True)

    def _signal_end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _read_reason(self) -> str:
        """Return the last line that the process wrote, or how it ended if that says nothing."""
        lines = _read_lines(self._log)
        if self._process.returncode == 1 and lines:
            return lines[-1]
        written = f"see {self._log}" if lines else f"{self._log} is empty"
        return f"ended with status {self._process.returncode}; {written}."


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _start_follower(folders: Sequence[Path], log: Path) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    # A user who turns warnings into errors means their own code, not Aim's.
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

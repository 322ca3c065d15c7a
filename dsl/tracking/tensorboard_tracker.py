"""Writes one run as event files that TensorBoard shows."""

from pathlib import Path

from dsl.records.metrics_log import Metrics, read_metrics
from dsl.records.run_folder import METRICS
from dsl.tracking.optional_package import import_optional

_FOLDER = "tensorboard"
_COUNTERS = ("env_steps", "epoch")


class TensorBoardTracker:
    """Scalars over environment steps, and pictures; films stay in `RUN/pictures`.

    Args:
        folder: the run's folder, already described.

    Raises:
        UsageError: `tensorboardX` is not installed.
    """

    def __init__(self, folder: Path):
        package = import_optional("tensorboardX", "tracker.TensorBoard", "tensorboard")
        self._env_steps = _recorded_steps(folder)
        # What an interrupted process wrote beyond the record is about to be computed again.
        self._writer = package.SummaryWriter(
            str(folder / _FOLDER), purge_step=self._env_steps + 1 if self._env_steps else None
        )

    def log(self, metrics: Metrics) -> None:
        self._env_steps = int(metrics["env_steps"])
        for name, value in metrics.items():
            if name not in _COUNTERS:
                self._writer.add_scalar(name, float(value), self._env_steps)
        self._writer.flush()

    def progress(self, env_steps: int) -> None:
        """Do nothing: whole epochs are written."""

    def picture(self, name: str, path: Path) -> None:
        if path.suffix == ".png":
            import matplotlib.image

            pixels = matplotlib.image.imread(path)
            self._writer.add_image(name, pixels, self._env_steps, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()


def _recorded_steps(folder: Path) -> int:
    path = folder / METRICS
    epochs = read_metrics(path) if path.exists() else []
    return int(epochs[-1]["env_steps"]) if epochs else 0

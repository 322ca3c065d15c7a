"""Batches of simulations in MuJoCo's C library, as a function from states to results."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import mujoco
import numpy as np
from mujoco.batch import Batch, SimulationError

from components.cpu_cores import available_cores

_BAD = [
    mujoco.mjtWarning.mjWARN_BADQPOS.value,
    mujoco.mjtWarning.mjWARN_BADQVEL.value,
    mujoco.mjtWarning.mjWARN_BADQACC.value,
    mujoco.mjtWarning.mjWARN_BADCTRL.value,
]
_NUMBER = 1  # of a warning's two entries, how often it was raised
# Held by every call: each uses every core, and batches are not safe for threads.
_LOCK = threading.Lock()

# Advances the simulations with these numbers, or all of them.
Advance = Callable[[Batch, np.ndarray | None], None]


class Batches:
    """Simulations of one model, as many at a time as a call has states.

    The batch that is kept is made at the first call, and again when a call has more states. Calls
    come one after the other, from whichever device: each uses every core.
    """

    def __init__(self, model: mujoco.MjModel, results: Sequence[str]):
        """
        Args:
            model: of every simulation.
            results: fields of MuJoCo's data that calls return.
        """
        self._model, self._results = model, tuple(results)
        self._batch: Batch | None = None

    def result_shapes(self) -> list[tuple[int, ...]]:
        """Return the shape that each result has for one simulation."""
        data = mujoco.MjData(self._model)
        return [getattr(data, name).shape for name in self._results]

    def call(self, advance: Advance, state: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Set the state of simulations, advance them, and return the results.

        Args:
            advance: calls the batch.
            state: (..., n) each, all with the same leading axes; what is not named is as in a new
                simulation.

        Returns:
            Results (..., *shape) in float32; NaN for simulations whose numbers became too large or
            are none.
        """
        axes = state["qpos"].shape[:-1]
        rows = {name: values.reshape(math.prod(axes), -1) for name, values in state.items()}
        with _LOCK, _warnings_unprinted():
            found = self._call(advance, rows)
        return [values.reshape(*axes, *values.shape[1:]) for values in found]

    def _call(self, advance: Advance, rows: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        count = len(rows["qpos"])
        batch = self._batch_for(count)
        broken = self._write(batch, rows)
        try:
            advance(batch, None if batch.nsim == count else np.arange(count, dtype=np.int32))
        except SimulationError as error:
            broken[error.ids] = True
        broken |= batch.warning[:count, _BAD, _NUMBER].any(axis=1)
        found = [batch.bind(name)[:count].astype(np.float32) for name in self._results]
        for values in found:
            values[broken] = np.nan
        return found

    def _write(self, batch: Batch, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        """Write the state of simulations, and return which have numbers that are not finite."""
        count = len(rows["qpos"])
        broken = ~np.all([np.isfinite(values).all(axis=1) for values in rows.values()], axis=0)
        batch.state[:count] = self._initial
        for name, values in rows.items():
            batch.bind(name)[:count] = values
        batch.state[:count][broken] = self._initial
        batch.warning[:] = 0
        return broken

    def _batch_for(self, count: int) -> Batch:
        if self._batch is None or self._batch.nsim < count:
            self._batch = Batch(self._model, count, len(available_cores()))
            self._initial = self._batch.state[0].copy()
            for name in self._results:  # bound before the first call, which then fills it
                self._batch.bind(name)
        return self._batch


@contextmanager
def _warnings_unprinted() -> Iterator[None]:
    """Keep MuJoCo from printing each simulation that diverges, and from writing it to a file."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _text: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)

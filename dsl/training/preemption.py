"""SIGTERM, SIGINT and SIGUSR1: finish what is under way, save, and leave.

Slurm and its like send a signal some minutes before they take a machine away.
"""

import os
import signal
import threading
from types import FrameType

# What a shell reports for a process that the signal ended; EX_TEMPFAIL asks to be queued again.
REQUEUE = 75
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGUSR1: REQUEUE}


class StopRequestedError(Exception):
    """A signal asked the run to stop.

    Attributes:
        code: what the process exits with.
        saved: whether its last state is on the disk.
    """

    def __init__(self, code: int, *, saved: bool):
        super().__init__(code)
        self.code, self.saved = code, saved


class PreemptionHandler:
    """Watches for signals while it is entered; the main thread enters it.

    The first signal is noted. A second one leaves at once, also while compiled code runs: a thread
    of its own sees every signal, for Python's handlers wait until the main thread is back in
    Python. What is on the disk stays whole either way.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._saving = False

    def __enter__(self) -> "PreemptionHandler":
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._writer = writer
        self._before = {number: signal.signal(number, _ignore) for number in CODES}
        self._wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, daemon=True, name="signals").start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._writer)

    def begin_saving(self) -> None:
        """From now on there is something to save: the first signal no longer leaves at once."""
        self._saving = True

    def _watch(self) -> None:
        while number := os.read(self._reader, 1):
            code = CODES.get(signal.Signals(number[0]))
            if code is None:
                continue
            if self.code is not None or not self._saving:
                os.write(2, b"stopped at once; what is on the disk is whole.\n")
                os._exit(code)
            self.code = code


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Python needs a handler; the thread does the work."""

"""Handles the signals that stop a run: finish the current call, save, and stop.

Clusters send one some minutes before they take a machine away, and a terminal that closes sends
SIGHUP. A signal that was ignored when the run started, as `nohup` ignores SIGHUP, stays ignored.
"""

import contextlib
import os
import signal
import threading
from types import FrameType

from dsl.errors import STOP_SIGNALS, signals_to_handle

_BY_HAND = (signal.SIGINT, signal.SIGTERM)


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
    """Watches for signals while it is entered; only the main thread can enter it.

    The first signal is noted. A second SIGINT or SIGTERM ends the process at once, even while
    compiled code runs: a separate thread sees every signal, because Python's handlers wait until
    the main thread is back in Python. What is on the disk stays whole either way. Other signals may
    come several times without anybody being impatient: a terminal that closes sends SIGHUP twice
    to what a shell has started, and Linux sends SIGXCPU every second.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._saving = False

    def __enter__(self) -> "PreemptionHandler":
        with contextlib.ExitStack() as undo:
            reader, writer = os.pipe()
            # Closing this end ends the thread, which closes the other one.
            undo.callback(os.close, writer)
            os.set_blocking(writer, False)
            watcher = threading.Thread(target=self._watch, args=(reader,), name="signals")
            watcher.daemon = True
            watcher.start()
            for number in signals_to_handle():
                undo.callback(signal.signal, number, signal.signal(number, _ignore))
            before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            undo.callback(signal.set_wakeup_fd, before)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def begin_saving(self) -> None:
        """Declare that there is something to save: the first signal no longer ends the process."""
        self._saving = True

    def _watch(self, reader: int) -> None:
        asked = False
        while byte := os.read(reader, 1):
            number = signal.Signals(byte[0])
            code = STOP_SIGNALS.get(number)
            if code is None:
                continue
            if (asked and number in _BY_HAND) or not self._saving:
                with contextlib.suppress(OSError):  # nobody may be there to read it
                    os.write(2, b"stopped at once; what is on the disk is whole.\n")
                os._exit(code)
            asked = asked or number in _BY_HAND
            self.code = code if self.code is None else self.code
        os.close(reader)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: Python needs a handler, and the thread does the work."""

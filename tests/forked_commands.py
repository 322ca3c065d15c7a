"""Commands in processes that are forked from one that has imported the libraries already.

Importing them takes longer than most of what such a command is to show.
"""

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

import forked_process


class ForkedCommand:
    """A process, with the methods of `subprocess.Popen` that tests use.

    Args:
        code: Python code that ends with `sys.exit`.
        arguments: the command line.
        folder: the working directory.
        environment: variables beside those of this process. JAX reads its own when it is imported,
            so that all commands have those of the first one, apart from JAX_NUM_CPU_DEVICES.
    """

    def __init__(
        self, code: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([forked_process.__name__])
        with mock.patch.dict(os.environ, environment):
            forkserver.ensure_running()
            given = (code, [*arguments], str(folder), dict(os.environ))
        self._stderr, writer = context.Pipe(duplex=False)
        self._process = context.Process(
            target=forked_process.execute, args=(*given, writer), daemon=True
        )
        self._process.start()
        writer.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, negative after a signal; None while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Wait until the process has ended, and return what it wrote to stderr: 64 KiB at most."""
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            raise AssertionError(f"still running after {timeout} seconds")
        with open(os.dup(self._stderr.fileno()), encoding="utf-8") as said:
            return None, said.read()

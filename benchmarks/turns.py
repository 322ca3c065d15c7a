"""Processes that measure in turn, so that other work on the machine meets all of them alike.

A worker prepares what it measures, says so, and measures whenever it is asked to, with its messages
as lines of JSON. Runs under the interpreters of other projects too: Python 3.10, standard library.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any


class Worker:
    """A process that measures one side, seen from the process that compares them."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: IO[Any] | None = None,
    ):
        """Start the process.

        Args:
            name: of the side, for messages.
            command: of the process, which answers by `Turns`.
            environment: variables of the process.
            log: file for everything else that it prints; standard error by default.
        """
        self.name, self.log = name, log
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, stderr=log, text=True
        )

    def answer(self) -> Any:
        """Wait for the next message: first what there is to know, then one for each turn.

        Raises:
            SystemExit: the process has ended.
        """
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            said = f"; see {self.log.name}" if self.log else ""
            raise SystemExit(f"{self.name} ended with exit code {self.process.wait()}{said}")
        return json.loads(line)

    def take_turn(self) -> Any:
        """Let the process measure once, and return what it found."""
        if self.process.stdin:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


class Turns:
    """The conversation with `Worker`, seen from the process that measures.

    What the process prints from here on goes to standard error.
    """

    def __init__(self):
        self._replies = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def reply(self, message: Any) -> None:
        """Send a message, and return when the next turn begins; exit if there is none."""
        print(json.dumps(message), file=self._replies)
        if not sys.stdin.readline():
            os._exit(0)  # the other side has what it wants, whatever is under way here

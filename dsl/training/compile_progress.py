"""Shows what is being compiled, and how long it has taken."""

import contextlib
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TextIO

from tqdm import tqdm

from dsl.records.console_output import has_width, write_line

_DONE = {"tracing": "traced", "compiling": "compiled"}
_TICK = 1.0
_FIRST_REMINDER = 10.0


class CompileProgress:
    """Tells what is being traced and compiled, from its own thread, in a `with` block.

    Every program gets a line once it is compiled. Before that a terminal has one line that changes
    every second, and a log file gets a line after 10 seconds, 20, 40 and so on.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic):
        """Args:
        stream: where to write; by default the standard error stream.
        clock: seconds on a steady clock.
        """
        self._stream, self._clock = sys.stderr if stream is None else stream, clock
        self._begun, self._reminder = clock(), _FIRST_REMINDER
        self._lock, self._over = threading.Lock(), threading.Event()
        self._running: dict[tuple[str, str], float] = {}
        self._finished: defaultdict[str, list[str]] = defaultdict(list)
        self._line: tqdm | None = None
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "CompileProgress":
        if self._stream is not None and has_width(self._stream):
            self._line = tqdm(file=self._stream, bar_format="{desc}", leave=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._line is not None:
            self._line.close()

    @contextlib.contextmanager
    def observe(self, stage: str, program: str) -> Iterator[None]:
        """Show a stage of a program for as long as the `with` block lasts.

        Args:
            stage: "tracing" or "compiling", which ends with the program's line.
            program: its name.
        """
        begun = self._clock()
        with self._lock:
            self._running[stage, program] = begun
        try:
            yield
        finally:
            with self._lock:
                del self._running[stage, program]
        done = self._finished[program]
        done.append(f"{_DONE[stage]} in {self._clock() - begun:.1f} s")
        if stage == "compiling":
            write_line(f"{program}: {', '.join(done)}", self._stream)

    def show(self) -> None:
        """Bring the terminal's line up to date, or remind the reader of a log file."""
        now = self._clock()
        with self._lock:
            stages = [(stage, name, now - begun) for (stage, name), begun in self._running.items()]
        status = ", ".join(f"{stage} {name} ({age:.0f} s)" for stage, name, age in stages)
        if self._line is not None:
            self._line.set_description_str(self._cut(status))
        elif status and now - self._begun >= self._reminder:
            self._reminder *= 2
            write_line(status, self._stream)

    def _cut(self, text: str) -> str:
        """Cut what a narrow terminal would wrap into lines that are never removed."""
        return text[: os.get_terminal_size(self._stream.fileno()).columns - 1]

    def _tick(self) -> None:
        while not self._over.wait(_TICK):
            with contextlib.suppress(OSError, ValueError):  # a terminal that is gone
                self.show()

"""Reads and writes the results of `gpu_suite.py`, one line of JSON each."""

import json
import os
from pathlib import Path
from typing import Any

Outcome = dict[str, Any]


class Record:
    """Outcomes of rows; what is added is on the disk at once.

    Attributes:
        path: of the file.
        outcomes: all of them, the latest last.
    """

    def __init__(self, path: Path):
        """Args:
        path: of the file, which need not exist; a last line that was cut off does not count.
        """
        self.path = path
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole)
        self.outcomes: list[Outcome] = [json.loads(line) for line in whole.splitlines()]

    def has(self, row: dict[str, Any]) -> bool:
        """Return whether the row has a result."""
        return any(found["row"] == row and "result" in found for found in self.outcomes)

    def add(self, outcome: Outcome) -> None:
        """Write an outcome: a row with its result, its error or what there is of it."""
        self.outcomes.append(outcome)
        with open(self.path, "a") as file:
            file.write(json.dumps(outcome) + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(json.dumps(outcome)[:400], flush=True)

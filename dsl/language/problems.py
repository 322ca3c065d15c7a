"""Problems of a configuration, their places, and the list of them that users read."""

import sysconfig
import traceback
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dsl.errors import UsageError

# Where frames of a traceback say nothing about a user's own code; `<` begins <frozen importlib>.
_LIBRARIES = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
_FOREIGN = (*_LIBRARIES, str(Path(__file__).parent), "<")
OVERRIDES = 1_000_000  # rank of the command line: it is read after every file


class ConfigError(UsageError):
    """An experiment that cannot be built from its gin files.

    Attributes:
        problems: one line each, `file:line: what is wrong. Did you mean ...?`, in that order.
    """

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Location:
    """A line of a file, or one `--set`.

    Attributes:
        file: path as shown to the user, or the text of the `--set`.
        line: 1 for the first line; 0 if the problem concerns the file as a whole.
        rank: position of the file in the order of reading.
    """

    file: str
    line: int = 0
    rank: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def source(self) -> str:
        """Return the file or `--set`: within one of them nothing may be set twice."""
        return "--set" if self.in_override else self.file

    @property
    def in_override(self) -> bool:
        """Return whether this is a `--set`."""
        return self.rank >= OVERRIDES

    @property
    def in_top_file(self) -> bool:
        """Return whether this is the file that the user named."""
        return self.rank == 0


@dataclass(frozen=True)
class Problem:
    """A fault at a location, with what to do about it."""

    location: Location
    text: str


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """Return one line per problem by file and line; a problem repeated in a file is listed once."""
    lines = defaultdict(set)
    for problem in problems:
        place = problem.location
        lines[(place.rank, place.file, problem.text)].add(place.line)
    ordered = sorted(lines.items(), key=lambda item: (item[0][0], min(item[1]), item[0][2]))
    return [_problem_line(file, sorted(found), text) for (_, file, text), found in ordered]


def raised_at(error: BaseException) -> str:
    """Return ` (file:line)` of the innermost frame outside of libraries and of this package."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_FOREIGN)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _problem_line(file: str, lines: list[int], text: str) -> str:
    first, *others = lines
    place = f"{file}:{first}" if first else file
    more = ", ..." if len(others) > 10 else ""
    also = f" (Also on line {', '.join(map(str, others[:10]))}{more}.)" if others else ""
    return f"{place}: {text}{also}"

"""Problems of a configuration: their places, the list that users read, and what was meant."""

import difflib
import re
import sysconfig
import traceback
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dsl.errors import UsageError

# Where frames of a traceback say nothing about a user's own code; `<` begins <frozen importlib>.
_LIBRARIES = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
_FOREIGN = (*_LIBRARIES, str(Path(__file__).parent), "<")
OVERRIDES = 1_000_000  # rank of the command line: it is read after every file
_CLOSE = 0.6  # share of equal characters below which a suggestion would mislead


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


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None if none is much like it.

    Families and scopes are compared apart from the part after them: a right word in a wrong family
    finds its place, and two words are not alike because their families are.
    """
    candidates = list(dict.fromkeys(candidates))
    family, tail = _split(name)
    exact = [c for c in candidates if _split(c)[1].lower() == tail.lower()]
    if len(exact) == 1:
        return exact[0]
    relatives = [c for c in candidates if _split(c)[0] == family]
    if exact:
        return _closest(name, exact) or exact[0]
    return _closest(tail, relatives) or _closest(tail, candidates)


def _closest(name: str, candidates: list[str]) -> str | None:
    """Compare whole names if `name` has a family, else the parts after the families."""
    has_family = bool(_split(name)[0])
    keys = {(c if has_family else _split(c)[1]).lower(): c for c in reversed(candidates)}
    found = difflib.get_close_matches(name.lower(), keys, n=1, cutoff=_CLOSE)
    return keys[found[0]] if found else None


def similar_scope(scope: str, known: Iterable[str]) -> str | None:
    """Return the known scope that `scope` is probably a misspelling of, or None.

    Scopes that differ in their digits alone, such as `critic1` and `critic2`, are two scopes.
    """
    close = [other for other in known if _is_misspelt(scope.lower(), other.lower())]
    return max(close, key=lambda other: likeness(scope, other), default=None)


def _is_misspelt(scope: str, other: str) -> bool:
    if re.sub(r"\d+", "0", scope) == re.sub(r"\d+", "0", other):
        return scope == other
    parts, others = scope.split("/"), other.split("/")
    return len(parts) == len(others) and all(
        likeness(a, b) >= _CLOSE for a, b in zip(parts, others, strict=True)
    )


def likeness(a: str, b: str) -> float:
    """Return how alike two texts are, from 0 to 1."""
    return difflib.SequenceMatcher(None, a, b).ratio()


def did_you_mean(suggestion: str | None, name: str = "") -> str:
    """Return ` Did you mean 'x'?` to append to a sentence, or nothing.

    Args:
        suggestion: what may have been meant.
        name: what was found; a letter of another alphabet in it is named.
    """
    if not suggestion:
        return ""
    foreign = next((c for c in name if not c.isascii()), None) if suggestion.isascii() else None
    if foreign is None:
        return f" Did you mean '{suggestion}'?"
    described = f"U+{ord(foreign):04X}, {unicodedata.name(foreign, 'unnamed').lower()}"
    return f" Did you mean '{suggestion}'? Its '{foreign}' is {described}."


def listed(title: str, names: Iterable[str], limit: int = 12) -> str:
    """Return ` Settings: a, b, c.` to append to a sentence; nothing if there are no names."""
    names = list(names)
    if not names:
        return ""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f" {title}: {', '.join(names[:limit])}{more}."


def _split(name: str) -> tuple[str, str]:
    at = max(name.rfind("/"), name.rfind(".")) + 1
    return name[:at], name[at:]

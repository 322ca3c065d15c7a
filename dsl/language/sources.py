"""A gin file with everything it includes, as one list of bindings in the order they apply."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dsl
from dsl.language.file_names import UnnamedError, completed, final_values, macros_in
from dsl.language.files import UnreadableError, displayed, read_text, similar_file
from dsl.language.problems import Location, Problem
from dsl.language.statements import Binding, Import, Include
from dsl.language.suggest import did_you_mean, nearest
from dsl.language.syntax import read_statements

EXPERIMENTS = Path(dsl.__file__).resolve().parent.parent / "experiments"
_DEEPEST = 20
_MOST_PROBLEMS = 100  # a search for similar names takes time
_MOST_READINGS = 10


@dataclass
class Sources:
    """What was read.

    Attributes:
        text: the file that the user named, as written.
        bindings: of all files; an included file's stand where it is included.
        imports: of all files, in order.
        problems: what could not be read.
        parents: by the name of a file, the name of the one that includes it.
        choosers: macros that stand in the names of included files, each with the first such line.
        chosen: what those macros are taken to be.
    """

    text: str = ""
    bindings: list[Binding] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    choosers: dict[str, Location] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)
    _seen: dict[Path, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every file and line could be read."""
        return not self.problems


def read_sources(path: Path, overrides: Iterable[Binding] = ()) -> Sources:
    """Read a gin file and its includes.

    A file that is reached twice is taken once, at its first place: taken again, it would undo what
    was set in between. `include 'tasks/%TASK.gin'` takes the file that the macro names in the end,
    so files are read again until what they say of it is what was taken.

    Args:
        path: the gin file.
        overrides: bindings of the command line, whose macros win.
    """
    overrides, chosen = list(overrides), {}
    for _ in range(_MOST_READINGS):
        sources = _read(path, chosen)
        found = final_values(sources.choosers, [*sources.bindings, *overrides])
        if found == chosen:
            return sources
        chosen = found
    for macro, place in sources.choosers.items():
        text = f"{macro} names a file that gives {macro} another value, and so on without end."
        sources.problems.append(Problem(place, text))
    return sources


def _read(path: Path, chosen: dict[str, Any]) -> Sources:
    sources = Sources(chosen=chosen)
    try:
        sources.text = read_text(path)
    except UnreadableError as error:
        text = f"cannot read it: {error}{similar_file(path)}"
        sources.problems.append(Problem(Location(displayed(path)), text))
        return sources
    _take(path, sources.text, sources, ())
    return sources


def _take(path: Path, text: str, sources: Sources, stack: tuple[Path, ...]) -> None:
    resolved = path.resolve()
    rank = sources._seen.setdefault(resolved, len(sources._seen))
    file = Location(displayed(path), rank=rank)
    statements, problems = read_statements(text, file, resolved.parent)
    sources.problems.extend(problems)
    for statement in statements:
        if isinstance(statement, Binding):
            sources.bindings.append(statement)
        elif isinstance(statement, Import):
            sources.imports.append(statement)
        else:
            _include(statement, path, sources, (*stack, resolved))


def _include(include: Include, path: Path, sources: Sources, stack: tuple[Path, ...]) -> None:
    def refuse(text: str) -> None:
        sources.problems.append(Problem(include.location, text))

    if len(sources.problems) >= _MOST_PROBLEMS:
        return None
    for macro in macros_in(include.path):
        sources.choosers.setdefault(macro, include.location)
    try:
        name = completed(include.path, sources.chosen)
    except UnnamedError as error:
        return refuse(str(error))
    target = _find(name, path.parent)
    if target is None:
        return refuse(_missing(name, path.parent))
    resolved = target.resolve()
    if resolved in stack:
        chain = [displayed(p) for p in (*stack[stack.index(resolved) :], resolved)]
        return refuse(f"the includes go in a circle: {' -> '.join(chain)}.")
    if resolved in sources._seen:
        return None
    if len(stack) >= _DEEPEST:
        return refuse(f"files include each other {_DEEPEST} deep; that is too deep.")
    try:
        text = read_text(target)
    except UnreadableError as error:
        return refuse(f"cannot read {displayed(target)}: {error}")
    sources.parents[displayed(target)] = displayed(path)
    return _take(target, text, sources, stack)


def _places(path: str, folder: Path) -> list[Path]:
    # `/` with an absolute path gives that path.
    return [folder / path, EXPERIMENTS / path, EXPERIMENTS.parent / path]


def _find(path: str, folder: Path) -> Path | None:
    for place in _places(path, folder):
        try:
            if place.exists():
                return place
        except (OSError, ValueError):  # a name that no file can have
            return None
    return None


def _missing(path: str, folder: Path) -> str:
    try:
        shipped = [p.relative_to(EXPERIMENTS).as_posix() for p in EXPERIMENTS.rglob("*.gin")]
        similar = (p for p in (folder / path).parent.glob("*.gin") if p.exists())
        beside = [p.relative_to(folder).as_posix() for p in similar]
    except (OSError, ValueError):
        shipped, beside = [], []
    looked = f"Looked in {displayed(folder)} and {displayed(EXPERIMENTS)}."
    return f"there is no file {path!r}. {looked}{did_you_mean(nearest(path, beside + shipped))}"

"""Read a gin file with everything it includes, as one list of bindings in the order they apply.

Files that are shipped with the package are found from anywhere.
"""

import functools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsl.language.bindings import Binding, Import, Include, Unread
from dsl.language.parse import read_statements
from dsl.language.problems import Location, Problem, did_you_mean, nearest
from dsl.language.values import shown

_PACKAGE = Path(__file__).resolve().parents[1]
# An installed package holds them; in a checkout they lie beside it.
_PLACES = (_PACKAGE / "experiments", _PACKAGE.parent / "experiments")
EXPERIMENTS = _PLACES[0] if _PLACES[0].is_dir() else _PLACES[1]
_LARGEST_FILE = 100_000  # bytes; a data file given by mistake is refused before it is parsed
_MACRO = re.compile(r"%([A-Za-z_]\w*)")


def find_experiment(path: Path) -> Path:
    """Return `path` if it exists, else the shipped experiment of that name, else `path`.

    `quickstart.gin` and `experiments/quickstart.gin` both name the shipped file.
    """
    if path.is_absolute() or os.path.exists(path):
        return path
    name = Path(*path.parts[1:]) if path.parts[:1] == ("experiments",) else path
    shipped = EXPERIMENTS / name
    return shipped if os.path.isfile(shipped) else path


class SourceError(Exception):
    """A file that cannot be read or included; the message is for the user."""


@dataclass
class Sources:
    """The content of a gin file and of the files it includes.

    Attributes:
        text: the file that the user named, as written.
        bindings: of all files; those of an included file stand at the place of the include.
        imports: of all files, in order.
        unread: lines of these files that could not be read.
        problems: a problem for each of those lines, and for each file that could not be read.
        is_complete: whether every file could be read.
        parents: by the name of a file, the name of the file that includes it.
        choosers: macros in the names of included files, each with the first such line.
        chosen: the values that those macros are taken to have.
    """

    text: str = ""
    bindings: list[Binding] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    is_complete: bool = True
    parents: dict[str, str] = field(default_factory=dict)
    choosers: dict[str, Location] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)

    def miss(self, problems: Iterable[Problem]) -> None:
        """Note that a file could not be read."""
        self.problems.extend(problems)
        self.is_complete = False


def read_sources(path: Path, overrides: Iterable[Binding] = ()) -> Sources:
    """Read a gin file and its includes.

    A file that is reached twice is taken once, at its first place: taken again, it would undo what
    was set in between. `include 'tasks/%TASK.gin'` takes the file that the final value of the macro
    names, so all files are read again until their values agree with the names that were taken.

    Args:
        path: the gin file.
        overrides: bindings of the command line, whose macros win.
    """
    overrides, tried = list(overrides), []
    texts = functools.cache(_read_text)  # a pipe can be read once only
    sources = _Reader.read(path, {}, texts)
    while (chosen := _final_values(sources, overrides)) != sources.chosen:
        if chosen in tried:
            sources.miss(_endless_choices(sources.choosers))
            break
        tried.append(chosen)
        sources = _Reader.read(path, chosen, texts)
    return sources


def displayed(path: Path) -> str:
    """Return the path as given, or relative to the working directory if that is shorter."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # another drive, or a working directory that is gone
        return str(path)
    return min(str(path), relative, key=len)


class _Reader:
    """Reads each file once, included files in place of their include."""

    def __init__(self, chosen: dict[str, Any], texts: Callable[[Path], str]):
        self.sources, self._texts = Sources(chosen=chosen), texts
        self._ranks: dict[Path, int] = {}

    @classmethod
    def read(cls, path: Path, chosen: dict[str, Any], texts: Callable[[Path], str]) -> Sources:
        reader = cls(chosen, texts)
        try:
            reader.sources.text = texts(path)
        except SourceError as error:
            text = f"cannot read it: {error}{_similar_file(path)}"
            reader.sources.miss([Problem(Location(displayed(path)), text)])
        else:
            reader._take(path, reader.sources.text, ())
        return reader.sources

    def _take(self, path: Path, text: str, stack: tuple[Path, ...]) -> None:
        resolved = path.resolve()
        rank = self._ranks.setdefault(resolved, len(self._ranks))
        file = Location(displayed(path), rank=rank)
        statements, problems = read_statements(text, file, resolved.parent)
        self.sources.problems.extend(problems)
        for statement in statements:
            if isinstance(statement, Binding):
                self.sources.bindings.append(statement)
            elif isinstance(statement, Import):
                self.sources.imports.append(statement)
            elif isinstance(statement, Unread):
                self.sources.unread.append(statement)
                self.sources.is_complete &= not statement.may_include
            else:
                self._include(statement, path, (*stack, resolved))

    def _include(self, include: Include, path: Path, stack: tuple[Path, ...]) -> None:
        for macro in _MACRO.findall(include.path):
            self.sources.choosers.setdefault(macro, include.location)
        try:
            target = _find(_with_macros(include.path, self.sources.chosen), path)
            resolved = target.resolve()
            if resolved in stack:
                chain = [displayed(p) for p in (*stack[stack.index(resolved) :], resolved)]
                raise SourceError(f"the includes go in a circle: {' -> '.join(chain)}.")
            if resolved not in self._ranks:
                text = self._included_text(target)
                self.sources.parents[displayed(target)] = displayed(path)
                self._take(target, text, stack)
        except SourceError as error:
            self.sources.miss([Problem(include.location, str(error))])

    def _included_text(self, path: Path) -> str:
        try:
            return self._texts(path)
        except SourceError as error:
            raise SourceError(f"cannot read {displayed(path)}: {error}") from None


def _final_values(sources: Sources, overrides: list[Binding]) -> dict[str, Any]:
    """Return the final values of the macros that name included files."""
    found = {b.word: b.value for b in [*sources.bindings, *overrides] if b.is_macro}
    return {name: found[name] for name in sources.choosers if name in found}


def _endless_choices(choosers: dict[str, Location]) -> Iterator[Problem]:
    for macro, place in choosers.items():
        text = f"{macro} names a file that gives {macro} another value, and so on without end."
        yield Problem(place, text)


def _with_macros(path: str, values: dict[str, Any]) -> str:
    """Replace the macros in an included path by their values."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise SourceError(f"{path!r} takes its name from {name}, which nothing sets.")
        if not isinstance(values[name], str):
            raise SourceError(
                f"{path!r} takes its name from {name}, which is {shown(values[name])}; "
                "it must be text."
            )
        return values[name]

    return _MACRO.sub(value_of, path)


def _find(path: str, including: Path) -> Path:
    folder = including.parent
    if not path or "*" in path or "://" in path:
        raise SourceError(f"{path!r} does not name one file of this machine.")
    # `/` with an absolute path gives that path.
    for place in (folder / path, EXPERIMENTS / path, EXPERIMENTS.parent / path):
        try:
            if place.exists():
                return place
            if place.is_symlink():
                target = os.readlink(place)
                raise SourceError(
                    f"{displayed(place)} is a link to {target}, which does not exist."
                )
        except (OSError, ValueError):  # a name that no file can have
            break
    looked = f"Looked in {displayed(folder)} and {displayed(EXPERIMENTS)}."
    raise SourceError(f"there is no file {path!r}. {looked}{_suggested_file(path, including)}")


def _suggested_file(path: str, including: Path) -> str:
    """Suggest a gin file beside the missing one, or one that is shipped."""
    folder = including.parent
    try:
        shipped = [p.relative_to(EXPERIMENTS).as_posix() for p in EXPERIMENTS.rglob("*.gin")]
        beside = (p for p in (folder / path).parent.glob("*.gin") if p.exists())
        names = [p.relative_to(folder).as_posix() for p in beside if p != including] + shipped
    except (OSError, ValueError):
        return ""
    # Names are compared without their ending, which makes short ones alike.
    by_stem = {name.removesuffix(".gin"): name for name in reversed(names)}
    found = nearest(path.removesuffix(".gin"), by_stem)
    return did_you_mean(by_stem[found]) if found else ""


def _similar_file(path: Path) -> str:
    """Suggest a gin file of the same folder, or a shipped one, if `path` does not exist."""
    try:
        shipped = {p.stem: p.relative_to(EXPERIMENTS) for p in EXPERIMENTS.glob("*.gin")}
        beside = {p.stem: p for p in path.parent.glob("*.gin") if p.exists()}
        similar = None if path.exists() else nearest(path.stem, {**shipped, **beside})
    except (OSError, ValueError):
        return ""
    if similar is None:
        return ""
    return did_you_mean(displayed(beside[similar]) if similar in beside else str(shipped[similar]))


def _read_text(path: Path) -> str:
    """Return the text of a gin file.

    Raises:
        SourceError: it is missing, a folder, too large or no text.
    """
    try:
        text = _content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError("it is not text in UTF-8; save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{getattr(error, 'strerror', None) or error}.") from None
    if "\0" in text:
        raise SourceError("it is not text in UTF-8: it has null characters.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise SourceError("it is a folder.")
    if not path.exists():
        raise SourceError("there is no such file.")
    status = path.stat()
    if stat.S_ISFIFO(status.st_mode) and str(path).startswith("/dev/"):
        # `/dev/stdin` or `<(...)`: it has a writer, which a named pipe may lack for ever.
        with path.open("rb") as pipe:
            content = pipe.read(_LARGEST_FILE + 1)
        _check_size(len(content))
        return content
    if not stat.S_ISREG(status.st_mode):
        raise SourceError("it is not a regular file.")
    _check_size(status.st_size)
    # Devices that pass for files, such as /proc/kmsg, have no size and may never answer.
    return path.read_bytes() if status.st_size else b""


def _check_size(size: int) -> None:
    if size > _LARGEST_FILE:
        raise SourceError(f"it has {size:,} bytes; a gin file has {_LARGEST_FILE:,} at most.")

"""Own words of a run: the Python files behind its `import` lines, copied into the run folder.

A run then plays anywhere, also when the files that it was started with have changed or are gone.
Copied are the imported modules and what they import from the same place; installed packages are
part of the environment and are not.
"""

import ast
import os
import shutil
import sys
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dsl.errors import UsageError
from dsl.records.durable_files import free_name, refusing_unreadable, write_atomically
from dsl.records.run_folder import WORDS

_PROJECT = ("dsl", "components")
_INSTALLED = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}


def collect_words(modules: Iterable[str]) -> dict[str, str]:
    """Return the sources of own modules and of the own modules that they import.

    Args:
        modules: dotted names of modules that have been imported.

    Returns:
        Text by path relative to the folder that they are imported from, in order of the paths.

    Raises:
        UsageError: a source cannot be read.
    """
    found: dict[str, str] = {}
    named = [(name, root) for name in modules if (root := _own_root(name)) is not None]
    left, seen = list(named), set(named)
    while left:
        name, root = left.pop()
        path = _source_path(name, root)
        if path is None:
            if (name, root) in named:
                raise UsageError(f"{root}: the source of the own word {name!r} is gone from there.")
            continue
        text = _read_source(path)
        found[path.relative_to(root).as_posix()] = text
        for imported in [*_packages_above(name), *_imported_names(text, name, path)]:
            if (imported, root) not in seen and imported.split(".")[0] not in _PROJECT:
                seen.add((imported, root))
                left.append((imported, root))
    return dict(sorted(found.items()))


def store_words(run: Path, words: Mapping[str, str]) -> Path | None:
    """Write own words into `RUN/words`.

    Args:
        run: folder of the run.
        words: what `collect_words` returned.

    Returns:
        Where the words of the run's earlier processes are now if they were others, else None.

    Raises:
        OSError: they cannot be written; those of earlier processes are as they were.
        UnreadableError: those of earlier processes cannot be read now.
    """
    folder, aside = run / WORDS, None
    before = read_stored_words(run)
    if before == words:
        return None
    new = run / f".{WORDS}.tmp"
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name, text in words.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        if folder.exists():
            aside = folder.rename(free_name(folder, "-"))
        if words:
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return aside if before else None


def read_stored_words(run: Path) -> dict[str, str]:
    """Return the own words in `RUN/words` as `collect_words` does; empty if there are none.

    Raises:
        UnreadableError: they cannot be read now.
    """
    folder = run / WORDS
    try:
        with refusing_unreadable(folder):
            return {
                path.relative_to(folder).as_posix(): path.read_text("utf-8", errors="replace")
                for path in sorted(_python_files(folder))
            }
    except FileNotFoundError:
        return {}


def _python_files(folder: Path) -> Iterator[Path]:
    """Yield all Python files in a folder; unlike `rglob`, pass over nothing that is unreadable.

    Raises:
        OSError: a folder is missing or cannot be read.
    """

    def raise_error(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=raise_error):
        yield from (Path(place, name) for name in names if name.endswith(".py"))


def _own_root(module: str) -> Path | None:
    """Return the folder that a module is imported from, or None for an installed one."""
    name = module.split(".")[0]
    top = None if name in _PROJECT else sys.modules.get(name)
    places = list(getattr(top, "__path__", [])) or [getattr(top, "__file__", None)]
    if top is None or places[0] is None:
        return None
    root = Path(places[0]).resolve().parent
    return None if any(root.is_relative_to(place) for place in _INSTALLED) else root


def _source_path(module: str, root: Path) -> Path | None:
    place = root.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _read_source(path: Path) -> str:
    try:
        with tokenize.open(path) as file:
            return file.read()
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{path}: cannot be copied into the run folder ({reason}).") from error


def _packages_above(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def _imported_names(text: str, module: str, path: Path) -> Iterator[str]:
    """Yield the dotted names that a source may import as modules, now or when it is called."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute_name(node, package)
            # `from package import name` may name a module or something inside of the package.
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute_name(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parents = parts[: len(parts) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])

"""`import my_words`: the one statement of a gin file that runs code."""

import importlib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from dsl.language.bindings import Import
from dsl.language.problems import Problem
from dsl.language.suggest import did_you_mean, nearest


def run_imports(imports: Iterable[Import]) -> list[Problem]:
    """Import each module, from the gin file's folder too, and report those that fail."""
    problems = []
    for statement in imports:
        text = _run(statement)
        if text:
            problems.append(Problem(statement.location, text))
    return problems


def _run(statement: Import) -> str | None:
    if statement.module.split(".")[0] == "__gin__":
        return f"`{statement.text}` is no part of this language."
    # Behind everything else, so that no file there takes the place of a library.
    for folder in (str(statement.folder), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(statement.module)
    # The user's code may fail in any way, `sys.exit` included.
    except (Exception, SystemExit) as error:
        return _failed(statement, error)
    return _hidden(statement, getattr(module, "__file__", None))


def _failed(statement: Import, error: BaseException) -> str:
    name = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and _is_or_holds(name, statement.module):
        others = [p.stem for p in statement.folder.glob("*.py")]
        return (
            f"there is no module {name!r}. Put {name}.py beside this file, or run from its folder."
            f"{did_you_mean(nearest(str(name), others))}"
        )
    said = " ".join(str(error).split())
    return f"{statement.text} failed: {type(error).__name__}: {said}{_place(error)}"


def _is_or_holds(name: str | None, module: str) -> bool:
    return name is not None and f"{module}.".startswith(f"{name}.")


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ""  # says its place itself
    frames = traceback.extract_tb(error.__traceback__)
    user = [f for f in frames if "importlib" not in f.filename and f.filename != __file__]
    # The last frame may lie in a library or in the registry: the first is the user's own line.
    return f" ({Path(user[0].filename).name}:{user[0].lineno})" if user else ""


def _hidden(statement: Import, loaded: str | None) -> str | None:
    own = statement.folder.joinpath(*statement.module.split(".")).with_suffix(".py")
    if not own.is_file() or (loaded and Path(loaded).resolve() == own.resolve()):
        return None
    place = f"from {loaded}" if loaded else "of its own"
    return f"Python has another module {statement.module!r} {place}. Rename {own.name}."

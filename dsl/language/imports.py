"""Run `import my_words`: the one statement of a gin file that runs code."""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from dsl.language.bindings import Import
from dsl.language.problems import Problem, did_you_mean, nearest, raised_at

# A run keeps copies of the modules of its words beside its operative.gin.
OPERATIVE_FILE, WORDS_FOLDER = "operative.gin", "words"


def run_imports(imports: Iterable[Import], *, trust: bool = True) -> list[Problem]:
    """Import each module, from the gin file's folder too, and report those that fail.

    Args:
        imports: statements of all files.
        trust: whether anything may run; if not, every import is a problem.
    """
    problems = []
    for statement in imports:
        try:
            text = _import_problem(statement) if trust else _refusal(statement)
        except OSError as error:
            # Python may have found another module of this name instead, which must not count.
            reason = f"{error.filename} cannot be read now ({error.strerror})"
            text = f"`{statement.text}`: {reason}. Repeat the command when it can be read."
        if text:
            problems.append(Problem(statement.location, text))
    return problems


def module_file(statement: Import) -> Path | None:
    """Return the file beside the gin file that a statement imports, or None."""
    names = statement.module.split(".")
    files = (folder.joinpath(*names).with_suffix(".py") for folder in _folders(statement))
    return next((file for file in files if file.is_file()), None)


def _folders(statement: Import) -> list[Path]:
    return [*_kept_words(statement), statement.folder, Path.cwd()]


def _kept_words(statement: Import) -> list[Path]:
    is_operative = Path(statement.location.file).name == OPERATIVE_FILE
    return [statement.folder / WORDS_FOLDER] if is_operative else []


def _refusal(statement: Import) -> str:
    code = module_file(statement) or f"the module {statement.module!r}"
    return (
        f"`{statement.text}` would run {code}. Nothing was run. If you trust its author, add "
        "--trust (in Python, trust=True)."
    )


def _import_problem(statement: Import) -> str | None:
    if statement.module.split(".")[0] == "__gin__":
        return f"`{statement.text}` is not part of this language."
    # Behind everything else, so that no file there takes the place of a library.
    sys.path.extend(str(f) for f in _folders(statement) if str(f) not in sys.path)
    importlib.invalidate_caches()
    try:
        with _first_in_path(_kept_words(statement)):
            module = importlib.import_module(statement.module)
    # The user's code may fail in any way, `sys.exit` included.
    except (Exception, SystemExit) as error:
        return _failure(statement, error)
    return _hidden_file(statement, getattr(module, "__file__", None))


@contextlib.contextmanager
def _first_in_path(folders: list[Path]) -> Iterator[None]:
    """Prefer the modules that a run keeps to those of today, which may have changed since."""
    sys.path[:0] = map(str, folders)
    try:
        yield
    finally:
        del sys.path[: len(folders)]


def _failure(statement: Import, error: BaseException) -> str:
    name = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and f"{statement.module}.".startswith(f"{name}."):
        if statement.text.startswith("from ") and _is_module(statement.module.rpartition(".")[0]):
            whole = statement.module.rpartition(".")[0]
            return f"{statement.module} is not a module. gin files import modules: import {whole}"
        if statement.module.endswith(".py"):
            return (
                f"modules are imported without .py: import {statement.module.removesuffix('.py')}"
            )
        others = [p.stem for p in statement.folder.glob("*.py")]
        return (
            f"there is no module {name!r}. Put {name}.py beside this file, or run from its folder."
            f"{did_you_mean(nearest(str(name), others))}"
        )
    said = " ".join(str(error).split())
    place = "" if isinstance(error, SyntaxError) else raised_at(error)  # it says its place itself
    return f"{statement.text} failed: {type(error).__name__}: {said}{place}"


def _is_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _hidden_file(statement: Import, loaded: str | None) -> str | None:
    """Say that Python took another module than the one beside the gin file."""
    own = module_file(statement)
    if own is None or (loaded and _is_same_code(Path(loaded), own)):
        return None
    place = f"from {loaded}" if loaded else "of its own"
    return f"Python has another module {statement.module!r} {place}. Rename {own.name}."


def _is_same_code(loaded: Path, own: Path) -> bool:
    return loaded.resolve() == own.resolve() or loaded.read_bytes() == own.read_bytes()

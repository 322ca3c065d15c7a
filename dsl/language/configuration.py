"""Gin files: read, judged, built, and written down again.

    configuration = load("experiments/quickstart.gin", ["WIDTH=64"])
    experiment = configuration.build()

Nothing in a gin file runs code, except a declared `import` of a module of the user's own.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.constraints import SettingError
from dsl.errors import UsageError
from dsl.language import gin_door
from dsl.language.factory import construct
from dsl.language.failures import locate
from dsl.language.files import displayed
from dsl.language.imports import run_imports
from dsl.language.lint import lint
from dsl.language.operative import Operative, plain
from dsl.language.overrides import read_overrides
from dsl.language.pipeline import pipeline
from dsl.language.plan import PartialError
from dsl.language.problems import Location, Problem, render
from dsl.language.reach import reach
from dsl.language.registry import vocabulary
from dsl.language.renames import use_current_names
from dsl.language.sources import Sources, read_sources
from dsl.language.statements import Binding
from dsl.language.sweeps import Grid, grid_of, sweep_problems, without_sweep
from dsl.language.table import BindingTable

_MOST_SHOWN = 50


class ConfigError(UsageError):
    """An experiment that cannot be.

    Attributes:
        problems: one line each, `file:line: what is wrong. Did you mean ...?`, in that order.
    """

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        shown = self.problems[:_MOST_SHOWN]
        hidden = len(self.problems) - len(shown)
        super().__init__("\n".join([*shown, *([f"... and {hidden} more."] if hidden else [])]))


class Configuration:
    """An experiment without problems, as far as its text tells. Made by `load`.

    Attributes:
        grid: what varies in a sweep: values as gin text, by the name of a macro or a setting.
        notices: one line for each setting that goes by an old name; for the user to read.
    """

    def __init__(
        self,
        path: Path,
        sources: Sources,
        overrides: list[str],
        table: BindingTable,
        grid: Grid,
        notices: list[str],
    ):
        self.grid, self.notices = grid, notices
        self._file = Location(displayed(path))
        self._sources, self._overrides, self._table = sources, overrides, table
        self._vocabulary = vocabulary()
        self._found = reach(table, self._vocabulary)
        self._operative = Operative(self._found.visits.values(), table, self._vocabulary)

    def build(self) -> Any:
        """The root with everything in it; gin has no part in what is done with it afterwards.

        Raises:
            ConfigError: constructors refused their settings.
        """
        root = self._vocabulary.words[self._vocabulary.root or ""]
        built, failures = construct(self._operative.bindings(), root)
        if failures:
            problems = [self._locate(f.error, f.word.name, f.scope) for f in failures]
            raise ConfigError(render(problems)) from failures[0].error
        return built

    def problem(self, error: SettingError, word: str | None = None, scope: str = "") -> str:
        """The line `file:line: what is wrong` for a setting found wrong after building.

        Args:
            error: what was raised or returned; one raised by a plan knows its word itself.
            word: full name of the word that the setting belongs to; the root where left out.
            scope: role of that word.
        """
        if isinstance(error, PartialError):
            word, scope = error.word, error.scope
        return render([self._locate(error, word or self._vocabulary.root or "", scope)])[0]

    @contextlib.contextmanager
    def locating(self) -> Iterator[None]:
        """Turn a plan's refusal of a setting, raised in a `with` block, into a `ConfigError`."""
        try:
            yield
        except PartialError as error:
            raise ConfigError([self.problem(error)]) from error

    def operative_text(self) -> str:
        """Every value of the run as a gin file that gives itself again when loaded."""
        return self._operative.text(i.text for i in self._sources.imports)

    def hyperparameters(self) -> dict[str, Any]:
        """Every value of the run: family, role or word, setting; plain JSON values."""
        return self._operative.nested()

    def pipeline(self) -> list[tuple[str, str, str]]:
        """What fills which place, in the order of building: place, word with its role, settings.

        Settings that are words themselves have rows of their own.
        """
        return pipeline(self._found, self._table, self._vocabulary)

    def source_text(self) -> str:
        """The file as written; the overrides follow as comments."""
        text = self._sources.text
        notes = "".join(f"# --set {' '.join(o.split())}\n" for o in self._overrides)
        return f"{text.rstrip()}\n\n{notes}" if notes else text

    def macros(self) -> dict[str, Any]:
        """Final values of the macros, as plain JSON values."""
        resolved = {n: self._table.resolve(b.value) for n, b in self._table.macros.items()}
        return {name: plain(value) for name, value in resolved.items()}

    def _locate(self, error: Exception, word: str, scope: str) -> Problem:
        places = {"found": self._found, "table": self._table, "file": self._file}
        return locate(error, word, scope, **places)


def load(path: str | Path, overrides: Iterable[str] = ()) -> Configuration:
    """Read a gin file with its includes, apply overrides, and judge all of it.

    Args:
        path: the gin file.
        overrides: `NAME=VALUE` each, of a macro or a setting; bare words need no quotes.

    Raises:
        ConfigError: with every problem found.
    """
    path, overrides = Path(path), list(overrides)
    extra, wrong_overrides = read_overrides(overrides)
    sources = read_sources(path, extra)
    file = Location(displayed(path))
    wrong_imports = run_imports(sources.imports)
    sources.bindings, sweep = without_sweep(sources.bindings)
    extra, more = without_sweep(extra)
    sweep += more
    problems = [*sources.problems, *wrong_overrides, *wrong_imports, *sweep_problems(sweep)]
    renamed = use_current_names([*sources.bindings, *extra], vocabulary())
    problems += renamed.problems
    sources.bindings = [b for b in renamed.bindings if not b.location.in_override]
    extra = [b for b in renamed.bindings if b.location.in_override]
    problems += _judge(sources, extra, file, imported=not wrong_imports)
    if problems:
        raise ConfigError(render(problems))
    table = BindingTable([*sources.bindings, *extra])
    configuration = Configuration(path, sources, overrides, table, grid_of(sweep), renamed.notices)
    _try(configuration, file)
    return configuration


def _judge(
    sources: Sources, extra: list[Binding], file: Location, *, imported: bool
) -> list[Problem]:
    if not sources.text and sources.problems:
        return []
    if vocabulary().root is None:
        return [Problem(file, "no words are registered; import dsl.vocabulary first.")]
    return lint(sources, extra, vocabulary(), file=file, imported=imported)


def _try(configuration: Configuration, file: Location) -> None:
    """Let gin read what it will be given, so that its refusal comes now."""
    try:
        gin_door.apply(configuration._operative.bindings())
    except Exception as error:
        raise ConfigError(render([Problem(file, f"gin refuses it: {error}")])) from error

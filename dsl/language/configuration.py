"""Load gin files: read them, check them, and build what they describe.

    configuration = load("experiments/quickstart.gin", ["WIDTH=64"])
    experiment = configuration.build()

Nothing in a gin file runs code, except a declared `import` of a module of the user's own. Nothing
is kept between two calls: any number of configurations can be loaded and built at the same time.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.constraints import SettingError
from dsl.language import dump
from dsl.language.bindings import BindingTable, Import, use_current_names, without_circles
from dsl.language.graph import enclosing_scopes, resolve_graph
from dsl.language.imports import run_imports
from dsl.language.lint.construction import build_graph, construction_problems, failure_problem
from dsl.language.lint.lint import lint
from dsl.language.lint.names import Known, bound_scopes
from dsl.language.lint.use import lost_settings
from dsl.language.parse import read_overrides
from dsl.language.problems import ConfigError, Location, Problem, problem_lines
from dsl.language.registry import Vocabulary, default_vocabulary
from dsl.language.sources import Sources, displayed, find_experiment, read_sources
from dsl.language.sweeps import (
    Grid,
    grid_of,
    repeated_value_problems,
    split_sweep,
    sweep_problems,
)
from dsl.language.word import PartialError

__all__ = ["ConfigError", "Configuration", "load"]


@dataclass(frozen=True)
class _Read:
    """Everything that was read of an experiment and found free of problems."""

    file: Location
    sources: Sources
    overrides: list[str]
    table: BindingTable
    vocabulary: Vocabulary


class Configuration:
    """An experiment without problems, as far as its text tells. Made by `load`.

    Attributes:
        grid: what varies in a sweep: values as gin text, by the name of a macro or a setting.
        notices: one line for each setting that goes by an old name, for the user to read.
    """

    def __init__(self, read: _Read, grid: Grid, notices: list[str]):
        self.grid, self.notices = grid, notices
        self._read = read
        self._graph = resolve_graph(read.table, read.vocabulary)

    def build(self) -> Any:
        """Build the root with everything in it.

        Raises:
            ConfigError: constructors refused their settings.
        """
        root, failures = build_graph(self._graph, self._read.vocabulary)
        if failures:
            problems = [self._locate(f.error, f.node.word.name, f.node.scope) for f in failures]
            raise ConfigError(problem_lines(problems)) from failures[0].error
        return root

    def describe_error(self, error: SettingError, word: str | None = None, scope: str = "") -> str:
        """Return the line `file:line: what is wrong` for a setting found wrong after building.

        Args:
            error: what was raised or returned; one raised by a partial knows its word itself.
            word: full name of the word that the setting belongs to, by default the root.
            scope: scope of that word.
        """
        if isinstance(error, PartialError):
            word, scope = error.word, error.scope
        word = word or self._read.vocabulary.root_word.name
        return problem_lines([self._locate(error, word, scope)])[0]

    @contextlib.contextmanager
    def locating_errors(self) -> Iterator[None]:
        """Turn a setting that a partial refuses in the `with` block into a `ConfigError`."""
        try:
            yield
        except PartialError as error:
            raise ConfigError([self.describe_error(error)]) from error

    @property
    def imports(self) -> list[Import]:
        """Return the import statements of all files, in order."""
        return list(self._read.sources.imports)

    @property
    def imported_packages(self) -> set[str]:
        """Return the first parts of the names of all modules that the files import."""
        return {statement.module.split(".")[0] for statement in self.imports}

    def own_words(self) -> list[str]:
        """Return the words that the file's own imports define, each with its line."""
        own = self.imported_packages
        return [
            f"{node.subject} ({self._read.table.origin(node.builder).location})"
            for node in self._graph.nodes.values()
            if node.builder and node.word.target.__module__.split(".")[0] in own
        ]

    def operative_text(self) -> str:
        """Return every value of the run as a gin file that gives itself again when loaded."""
        imports = (statement.text for statement in self.imports)
        return dump.operative_text(self._graph, self._read.vocabulary, imports)

    def hyperparameters(self) -> dict[str, Any]:
        """Return every value of the run by family, scope or word, and setting, as plain JSON."""
        return dump.hyperparameters(self._graph, self._read.vocabulary)

    def pipeline(self) -> list[dump.PipelineRow]:
        """Return what fills which place, in the order of building: place, word, settings."""
        return dump.pipeline_rows(self._graph, self._read.vocabulary)

    def default_scopes(self) -> dict[str, list[str]]:
        """Return the scopes that nothing is set for: what is built in them has defaults only."""
        bound = bound_scopes(self._read.table)
        found: dict[str, list[str]] = {}
        for node in self._graph.nodes.values():
            if node.scope and bound.isdisjoint(enclosing_scopes(node.scope)):
                found.setdefault(node.scope, []).append(node.subject)
        return found

    def settings_without_effect(self) -> list[str]:
        """Return a line for each setting of a file that applies to nothing any more.

        A word that another file or a `--set` exchanges takes its settings with it.
        """
        return list(lost_settings(self._read.table, self._graph))

    def source_text(self) -> str:
        """Return the file as written, followed by the overrides as comments."""
        text = self._read.sources.text
        notes = "".join(f"# --set {' '.join(o.split())}\n" for o in self._read.overrides)
        return f"{text.rstrip()}\n\n{notes}" if notes else text

    def macros(self) -> dict[str, Any]:
        """Return the final values of the macros as plain JSON."""
        table = self._read.table
        values = {name: table.resolve(binding.value) for name, binding in table.macros.items()}
        return {name: dump.json_value(value) for name, value in values.items()}

    def _locate(self, error: Exception, word: str, scope: str) -> Problem:
        """Return the problem of a word in a scope."""
        return failure_problem(error, (scope, word), self._graph, self._read.table, self._read.file)


def load(
    path: str | Path,
    overrides: Iterable[str] = (),
    *,
    vocabulary: Vocabulary | None = None,
    trust: bool = True,
) -> Configuration:
    """Read a gin file with its includes, apply overrides, and check all of it.

    Args:
        path: the gin file, or the name of a shipped one.
        overrides: `NAME=VALUE` each, of a macro or a setting; bare words need no quotes.
        vocabulary: what the file may name, by default every word of `dsl.vocabulary`, which the
            file's `import` statements extend.
        trust: whether to run those `import` statements. For a file of a stranger, pass False: a
            file that imports anything is then refused, and nothing of it runs.

    Raises:
        ConfigError: with every problem found.
    """
    path, overrides = find_experiment(Path(path)), _override_texts(overrides)
    vocabulary = vocabulary or default_vocabulary()
    file = Location(displayed(path))
    set_by_user, problems = read_overrides(overrides)
    sources = read_sources(path, set_by_user)
    import_problems = run_imports(sources.imports, trust=trust)
    bindings, sweep = split_sweep([*sources.bindings, *set_by_user])
    renamed = use_current_names(bindings, vocabulary.renamed_words, vocabulary.renamed_settings)
    table = BindingTable(renamed.bindings)
    in_grid = [*sweep_problems(sweep)] or [*repeated_value_problems(sweep, without_circles(table))]
    problems += [*sources.problems, *import_problems, *in_grid, *renamed.problems]
    if sources.text or not sources.problems:
        known = Known(table, vocabulary, not import_problems, sources)
        problems += lint(known, sweep=sweep, file=file)
        if problems and known.is_complete:
            problems += construction_problems(known, file)
    if problems:
        raise ConfigError(problem_lines(problems))
    read = _Read(file, sources, overrides, table, vocabulary)
    return Configuration(read, grid_of(sweep, table), renamed.notices)


def _override_texts(overrides: Any) -> list[str]:
    """Return the overrides as a list of texts.

    Raises:
        ConfigError: they are something else.
    """
    texts = None if isinstance(overrides, str | Mapping) else list(overrides)
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise ConfigError([f"overrides are {overrides!r}; they must be a list such as ['SEED=3']."])
    return texts

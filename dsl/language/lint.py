"""Find everything wrong with an experiment before anything of it is built.

Problems come in two phases, as compilers report them. Names, values and repetitions are judged
line by line. What is missing or useless can be told only once every name is right: judged in spite
of a misspelt name, it would be reported as a consequence of that name.
"""

from collections.abc import Iterator
from typing import Any

from dsl.language.bindings import Binding, BindingKey, BindingTable
from dsl.language.graph import ConfigGraph, ConfigNode, resolve_graph
from dsl.language.lint_fit import fit_problems
from dsl.language.lint_names import Known, name_problems, sweep_name_problems
from dsl.language.lint_use import use_problems
from dsl.language.problems import Location, Problem
from dsl.language.registry import Vocabulary
from dsl.language.sources import Sources
from dsl.language.sweeps import macros_within
from dsl.language.type_check import fitting_words, mismatch
from dsl.language.values import REQUIRED, MacroRef, leaves
from dsl.language.word import Setting


def lint(
    sources: Sources,
    table: BindingTable,
    vocabulary: Vocabulary,
    *,
    sweep: list[Binding],
    file: Location,
    imported: bool,
) -> list[Problem]:
    """Return the problems of everything that could be read.

    Absent lines are judged only if all lines could be read: the missing one may be among the
    others.

    Args:
        sources: the gin file with its includes; their own problems are not repeated.
        table: their bindings and those of the command line, under current names.
        vocabulary: words, those of the file's imports included.
        sweep: what says what varies.
        file: the gin file as a whole.
        imported: whether every import of the file succeeded.
    """
    circles = list(_macro_circles(table))
    known = Known(table, vocabulary, imported, sources.is_complete)
    names = [*name_problems(known), *sweep_name_problems(known, sweep)]
    problems = [*_repeat_problems(table, sources.parents), *circles, *names]
    if not circles:
        problems.extend(_value_problems(table, vocabulary))
    if sources.is_complete and imported and not circles and not names:
        varied = {name for binding in sweep for name in macros_within(binding.value, table)}
        used_elsewhere = varied.union(sources.choosers)
        seen = {problem.location for problem in problems}
        absences = _absence_problems(table, vocabulary, file, used_elsewhere)
        problems.extend(p for p in absences if p.location not in seen)
    return problems


def _macro_circles(table: BindingTable) -> Iterator[Problem]:
    """Yield macros that are defined by themselves, each circle once."""
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[Problem]:
        binding = table.macro(name)
        if name in path:
            circle = [*path[path.index(name) :], name]
            text = f"{name} is defined by itself: {' -> '.join(circle)}."
            yield Problem(table.macros[name].location, text)
        elif binding is not None and name not in finished:
            for leaf in leaves(binding.value):
                if isinstance(leaf, MacroRef):
                    yield from visit(leaf.name, (*path, name))
            finished.add(name)

    for name in table.macros:
        yield from visit(name, ())


def _repeat_problems(table: BindingTable, parents: dict[str, str]) -> Iterator[Problem]:
    """Yield bindings set twice in one file, or set again by a file included further down."""
    first: dict[tuple, Binding] = {}
    last: dict[BindingKey, Binding] = {}
    for binding in table.bindings:
        source = binding.location.source
        earlier = first.setdefault((source, binding.key), binding)
        if earlier is not binding:
            where = "by another --set" if source == "--set" else f"at {earlier.location}"
            yield Problem(binding.location, f"{binding.subject} is already set {where}.")
        undone = last.get(binding.key)
        last[binding.key] = binding
        if undone and _includes(undone.location.file, binding.location.file, parents):
            yield Problem(
                undone.location,
                f"{undone.subject} is set again at {binding.location}, which is included further "
                "down and wins. Move the include above this line.",
            )


def _includes(file: str, other: str, parents: dict[str, str]) -> bool:
    """Return whether `file` includes `other`, directly or through further files."""
    while other in parents:
        other = parents[other]
        if other == file:
            return True
    return False


def _value_problems(table: BindingTable, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield values that the annotation of their setting does not allow."""
    for binding in table.bindings:
        word = vocabulary.words.get(binding.word)
        setting = word.settings.get(binding.setting) if word else None
        value = table.resolve(binding.value)
        if setting is None or _is_pending(binding, value, table) or _is_default(value, setting):
            continue
        problem = mismatch(value, setting.annotation, vocabulary)
        if problem:
            yield table.value_problem(binding, problem)


def _is_pending(binding: Binding, value: Any, table: BindingTable) -> bool:
    """Return whether the value has an undefined macro, or one that a later binding replaces."""
    names = [leaf for leaf in leaves(value) if isinstance(leaf, MacroRef)]
    if any(name == REQUIRED or not name.is_constant for name in names):
        return True
    has_macro = any(isinstance(x, MacroRef) and not x.is_constant for x in leaves(binding.value))
    return has_macro and table.final(binding.key) is not binding


def _is_default(value: Any, setting: Setting) -> bool:
    # A default is right by definition, even if its annotation forgets None.
    return type(value) is type(setting.default) and value == setting.default


def _absence_problems(
    table: BindingTable, vocabulary: Vocabulary, file: Location, used_elsewhere: set[str]
) -> Iterator[Problem]:
    """Yield settings that must be set and are not, and bindings that nothing uses."""
    if not table.bindings:
        yield Problem(file, f"it sets nothing. An experiment sets {vocabulary.root}.")
        return
    graph = resolve_graph(table, vocabulary)
    if graph.problem is not None:
        yield graph.problem
        return
    yield from use_problems(table, graph, vocabulary, used_elsewhere)
    for binding in table.bindings:
        if binding in graph.used and any(leaf == REQUIRED for leaf in leaves(binding.value)):
            text = f"{binding.subject} has no value yet: set it with --set {binding.subject}=..."
            yield Problem(binding.location, text)
    yield from _missing_problems(graph, table, vocabulary, file)
    yield from fit_problems(graph, table, vocabulary, file)


def _missing_problems(
    graph: ConfigGraph, table: BindingTable, vocabulary: Vocabulary, file: Location
) -> Iterator[Problem]:
    for node in graph.nodes.values():
        settings = node.word.settings.values()
        if missing := [s for s in settings if s.is_required and s.name not in node.bindings]:
            place = table.origin(node.builder).location if node.builder else file
            yield Problem(place, _needs(node, missing, vocabulary))


def _needs(node: ConfigNode, missing: list[Setting], vocabulary: Vocabulary) -> str:
    def example(setting: Setting) -> str:
        return next(iter(fitting_words(setting.annotation, vocabulary)), "...")

    lines = [f"{node.subject}.{setting.name} = {example(setting)}" for setting in missing]
    names = ", ".join(setting.name for setting in missing)
    return f"{node.subject} needs {names}. Write {'; '.join(lines)}"

"""Find everything wrong with an experiment before anything of it is built.

Names, values and repetitions are judged line by line. What is missing or useless depends on other
lines, some of which may be wrong themselves: it is judged as if misspelt names were right, so that
every mistake is reported at once, and none as a consequence of another.
"""

from collections.abc import Iterator
from typing import Any

from dsl.language.bindings import (
    Binding,
    BindingKey,
    BindingTable,
    circle_problems,
    without_circles,
)
from dsl.language.graph import ConfigGraph, ConfigNode, resolve_graph
from dsl.language.lint.fit import fit_problems
from dsl.language.lint.mend import mend, mentioned_macros
from dsl.language.lint.names import Known, name_problems, sweep_name_problems
from dsl.language.lint.use import use_problems
from dsl.language.problems import Location, Problem
from dsl.language.registry import Vocabulary
from dsl.language.type_check import fitting_words, is_default, mismatch
from dsl.language.values import REQUIRED, MacroRef, leaves
from dsl.language.word import Setting


def lint(known: Known, *, sweep: list[Binding], file: Location) -> list[Problem]:
    """Return the problems of everything that could be read.

    What is missing or useless is judged only if all files could be read: the missing line, or the
    use, may be in another one.

    Args:
        known: the names that exist, with the files that they stand in.
        sweep: what says what varies.
        file: the gin file as a whole.
    """
    table, vocabulary, sources = known.table, known.vocabulary, known.sources
    problems = [
        *_repeat_problems(table, sources.parents),
        *circle_problems(table),
        *name_problems(known),
        *sweep_name_problems(known, sweep),
    ]
    faulty = {problem.location for problem in [*problems, *sources.problems]}
    problems += _value_problems(without_circles(table), vocabulary)
    if sources.is_complete:
        problems += [
            problem
            for problem in _absence_problems(known, sweep, file)
            if problem.location not in faulty
        ]
    return problems


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
        if setting is None or _is_pending(binding, value, table) or is_default(value, setting):
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


def _absence_problems(known: Known, sweep: list[Binding], file: Location) -> Iterator[Problem]:
    """Yield settings that must be set and are not, and bindings that nothing uses."""
    vocabulary, sources = known.vocabulary, known.sources
    if not known.table.bindings and not sources.unread:
        example = "Begin with another file, as in include 'quickstart.gin'"
        yield Problem(file, f"it sets nothing. {example}, or set {vocabulary.root}.")
        return
    if not known.table.bindings:
        return  # nothing could be read: what is missing follows from that
    read = mend(known)
    graph = resolve_graph(read.table, vocabulary)
    if graph.problem is not None:
        yield graph.problem
    elsewhere = [*sweep, *(b for b in read.table.bindings if _misspells_macro(b, known.table))]
    mentioned = mentioned_macros((binding.value for binding in elsewhere), read.table)
    used_elsewhere = {*mentioned, *sources.choosers, *known.unread}
    yield from use_problems(read.table, vocabulary, used_elsewhere, read.unplaced)
    for binding in read.table.bindings:
        if binding in graph.used and any(leaf == REQUIRED for leaf in leaves(binding.value)):
            text = f"{binding.subject} has no value yet: set it with --set {binding.subject}=..."
            yield Problem(binding.location, text)
    yield from _missing_problems(graph, read.table, vocabulary, file)
    yield from fit_problems(graph, read.table, vocabulary, file)


def _misspells_macro(binding: Binding, table: BindingTable) -> bool:
    names = (leaf for leaf in leaves(binding.value) if isinstance(leaf, MacroRef))
    return any(not name.is_constant and table.macro(name.name) is None for name in names)


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

"""Find what constructors refuse beside other problems, by building all that is not in doubt."""

from collections.abc import Iterator

from dsl.language.bindings import Binding, BindingTable
from dsl.language.construction import failure_problem, find_failures
from dsl.language.graph import resolve_graph
from dsl.language.lint_names import Known
from dsl.language.mend import mend
from dsl.language.problems import Location, Problem
from dsl.language.registry import Vocabulary
from dsl.language.type_check import is_default, mismatch
from dsl.language.values import MacroRef, Reference, leaves


def construction_problems(known: Known, file: Location) -> Iterator[Problem]:
    """Yield what constructors have against settings that are right by themselves.

    Wrong values are left out, so that a default stands in their place; what depends on one of them,
    or on a name that was guessed, is not judged.

    Args:
        known: the names that exist; every file could be read, every module imported.
        file: the gin file as a whole.
    """
    vocabulary, read = known.vocabulary, mend(known)
    written = set(known.table.bindings)
    sound, doubtful = [], {(b.word, b.setting) for b in read.unplaced}
    for binding in read.table.bindings:
        is_right = binding.is_macro or _is_right(binding, read.table, vocabulary)
        if is_right:
            sound.append(binding)
        if not is_right or binding not in written:
            doubtful.add((binding.word, binding.setting))
    table = BindingTable(sound)
    graph = resolve_graph(table, vocabulary)
    if graph.problem is None:
        for failure in find_failures(graph, vocabulary, doubtful):
            place = failure.node.scope, failure.node.word.name
            yield failure_problem(failure.error, place, graph, table, file)


def _is_right(binding: Binding, table: BindingTable, vocabulary: Vocabulary) -> bool:
    value = table.resolve(binding.value)
    for leaf in leaves(value):
        if isinstance(leaf, MacroRef) and leaf.name not in vocabulary.constants:
            return False
        if isinstance(leaf, Reference) and leaf.word not in vocabulary.words:
            return False
    setting = vocabulary.words[binding.word].settings[binding.setting]
    return is_default(value, setting) or mismatch(value, setting.annotation, vocabulary) is None

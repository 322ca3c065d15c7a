"""Everything that is wrong with an experiment, before anything is built."""

from collections.abc import Iterator
from itertools import islice

from dsl.language.lint_macros import macro_problems
from dsl.language.lint_names import Known, name_problems
from dsl.language.lint_repeats import repeat_problems
from dsl.language.lint_use import use_problems
from dsl.language.lint_values import missing_problems, value_problems
from dsl.language.problems import Location, Problem
from dsl.language.reach import reach
from dsl.language.registry import Vocabulary
from dsl.language.repair import repair
from dsl.language.sources import Sources
from dsl.language.statements import Binding
from dsl.language.table import BindingTable

_MOST = 200  # suggestions take time; nobody reads more


def lint(
    sources: Sources,
    overrides: list[Binding],
    vocabulary: Vocabulary,
    *,
    file: Location,
    imported: bool,
) -> list[Problem]:
    """The problems of what could be read.

    What is absent is only judged where everything could be read: the missing line may be one of
    those that could not.

    Args:
        sources: the gin file with its includes; their own problems are not repeated.
        overrides: bindings of the command line.
        vocabulary: words, those of the file's imports included.
        file: the gin file as a whole.
        imported: whether every import of the file succeeded.
    """
    table = BindingTable([*sources.bindings, *overrides])
    circles = list(macro_problems(table))
    problems = [*repeat_problems(table, sources.parents), *circles]
    known = Known(table, vocabulary, imported, sources.is_complete)
    problems.extend(islice(name_problems(known), _MOST))
    if not circles:
        problems.extend(value_problems(table, vocabulary))
    if sources.is_complete and imported and not circles:
        seen = {problem.location for problem in problems}
        absences = islice(_absences(table, vocabulary, file, set(sources.choosers)), _MOST)
        problems.extend(p for p in absences if p.location not in seen)
    return problems


def _absences(
    table: BindingTable, vocabulary: Vocabulary, file: Location, choosers: set[str]
) -> Iterator[Problem]:
    if not table.bindings:
        yield Problem(file, f"it sets nothing. An experiment sets {vocabulary.root}.")
        return
    bindings = repair(table.bindings, table, vocabulary)
    if bindings is None or vocabulary.root is None:
        return
    repaired = BindingTable(bindings)
    found = reach(repaired, vocabulary)
    if found.problem is not None:
        yield found.problem
        return
    yield from use_problems(bindings, vocabulary, choosers)
    if len(bindings) == len(table.bindings):
        yield from missing_problems(found, repaired, vocabulary, file)

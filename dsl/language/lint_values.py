"""Values of the wrong type, numbers that cannot be, and values that are still missing."""

from collections.abc import Iterator
from typing import Any

from dsl.language.problems import Location, Problem
from dsl.language.reach import ConfigNode, Reach
from dsl.language.registry import Vocabulary
from dsl.language.statements import Binding
from dsl.language.table import BindingTable
from dsl.language.types_check import fitting_words, mismatch
from dsl.language.values import REQUIRED, MacroRef, leaves
from dsl.language.word import Setting


def value_problems(table: BindingTable, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Values that the annotation of their setting does not allow."""
    for binding in table.bindings:
        word = vocabulary.words.get(binding.word)
        setting = word.settings.get(binding.setting) if word else None
        value = table.resolve(binding.value)
        if setting is None or _is_pending(binding, value, table) or _is_default(value, setting):
            continue
        problem = mismatch(value, setting.annotation, vocabulary)
        if problem:
            yield blame(binding, problem, table)


def blame(binding: Binding, problem: str, table: BindingTable) -> Problem:
    """A problem with the value of a binding, at the line where that value stands."""
    origin = table.origin(binding)
    if origin is binding:
        return Problem(binding.location, f"{binding.subject} {problem}")
    place = _relative(binding.location, origin.location)
    return Problem(origin.location, f"{origin.subject} {problem} (For {binding.subject}{place}.)")


def missing_problems(
    found: Reach, table: BindingTable, vocabulary: Vocabulary, file: Location
) -> Iterator[Problem]:
    """Settings that must be set and are not, of everything that is built.

    Args:
        found: what is built.
        table: all bindings.
        vocabulary: what examples are taken from.
        file: place of what no line asks for.
    """
    for binding in table.bindings:
        if binding in found.used and any(leaf == REQUIRED for leaf in leaves(binding.value)):
            text = f"{binding.subject} has no value yet: set it with --set {binding.subject}=..."
            yield Problem(binding.location, text)
    for visit in found.visits.values():
        absent = [s for s in visit.word.settings.values() if _is_absent(s, visit)]
        if absent:
            yield Problem(_place(visit, table, file), _needs(visit, absent, vocabulary))


def _needs(visit: ConfigNode, absent: list[Setting], vocabulary: Vocabulary) -> str:
    lines = [f"{visit.subject}.{s.name} = {_example(s, vocabulary)}" for s in absent]
    names = ", ".join(s.name for s in absent)
    return f"{visit.subject} needs {names}. Write {'; '.join(lines)}"


def _example(setting: Setting, vocabulary: Vocabulary) -> str:
    words = fitting_words(setting.annotation, vocabulary)
    return words[0] if words else "..."


def _is_absent(setting: Setting, visit: ConfigNode) -> bool:
    return setting.is_required and setting.name not in visit.settings


def _place(visit: ConfigNode, table: BindingTable, file: Location) -> Location:
    return file if visit.builder is None else table.origin(visit.builder).location


def _is_pending(binding: Binding, value: Any, table: BindingTable) -> bool:
    """Whether the value has an undefined name, or one that a later binding may have replaced."""
    names = [leaf for leaf in leaves(value) if isinstance(leaf, MacroRef)]
    if any(name == REQUIRED or not name.is_constant for name in names):
        return True
    has_macro = any(isinstance(x, MacroRef) and not x.is_constant for x in leaves(binding.value))
    return has_macro and table.final(binding.key) is not binding


def _is_default(value: Any, setting: Setting) -> bool:
    # A default is right by definition, even where its annotation forgets None.
    return type(value) is type(setting.default) and value == setting.default


def _relative(location: Location, origin: Location) -> str:
    if location.in_override:
        return ""
    return f", line {location.line}" if location.file == origin.file else f", {location}"

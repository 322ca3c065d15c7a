"""Write a resolved graph down: as a gin file, as nested values, and as rows of a table."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dsl.language.bindings import Binding, use_current_names
from dsl.language.graph import ConfigGraph, ConfigNode
from dsl.language.parse import read_statements
from dsl.language.problems import ConfigError, Location, problem_lines
from dsl.language.registry import Vocabulary, default_vocabulary
from dsl.language.values import (
    MacroRef,
    Reference,
    UnwritableError,
    gin_text,
    prefixed,
    replace_leaves,
)

_HEADER = "# Every value of the run, defaults included. Running this file repeats the run."

PipelineRow = tuple[str, str, str]  # place, word with its scope, settings


def operative_text(graph: ConfigGraph, vocabulary: Vocabulary, imports: Iterable[str]) -> str:
    """Return a gin file of every value that gives the same graph again when loaded.

    Macros and includes are resolved, names are written in full. A default that gin has no spelling
    for is written as a comment.

    Args:
        graph: what is built.
        vocabulary: names of constants.
        imports: import statements to keep.
    """
    blocks = [_HEADER, "\n".join(dict.fromkeys(imports))]
    blocks += ["\n".join(_operative_lines(node, vocabulary)) for node in graph.nodes.values()]
    return "\n\n".join(block for block in blocks if block) + "\n"


def operative_settings(text: str, file: str = "operative.gin") -> dict[str, str]:
    """Return every setting of an operative text: its value as gin text, by its full name.

    `{"Experiment.seed": "0", "actor/network.ResidualMLP.depth": "4", ...}`, in the order of the
    text, under the current names of settings.

    Args:
        text: what `Configuration.operative_text` returned, in this release or the one before.
        file: name of the file for problems.

    Raises:
        ConfigError: it is not gin text.
    """
    return {binding.subject: gin_text(binding.value) for binding in _current_bindings(text, file)}


def experiment_identity(text: str) -> frozenset[tuple[str, str]]:
    """Return what the operative texts of one and the same experiment share: 1 is 1.0 there.

    Args:
        text: as for `operative_settings`.

    Raises:
        ConfigError: it is not gin text.
    """

    found = _current_bindings(text, "operative.gin")
    return frozenset((binding.subject, _value_identity(binding.value)) for binding in found)


def default_identity(value: Any, vocabulary: Vocabulary) -> str | None:
    """Return a default as `experiment_identity` shows it; None if gin has no spelling for it."""
    try:
        return _value_identity(_named_constant(value, vocabulary))
    except UnwritableError:
        return None


def _value_identity(value: Any) -> str:
    """Return a value as gin text that is the same for 1 and 1.0."""
    return gin_text(replace_leaves(value, lambda v: float(v) if type(v) is int else v))


def _current_bindings(text: str, file: str) -> list[Binding]:
    statements, problems = read_statements(text, Location(file), Path())
    if problems:
        raise ConfigError(problem_lines(problems))
    bindings = [statement for statement in statements if isinstance(statement, Binding)]
    known = default_vocabulary()
    return use_current_names(bindings, known.renamed_words, known.renamed_settings).bindings


def hyperparameters(graph: ConfigGraph, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return every value by family, scope (or word if it has none) and setting, as plain JSON.

    The word of a scope is listed under `word`, so that runs can be grouped by it.
    """
    result: dict[str, Any] = {}
    keys = Counter((node.word.family, _group(node)) for node in graph.nodes.values())
    for node in graph.nodes.values():
        word, key = node.word, _group(node)
        if keys[(word.family, key)] > 1:
            key = f"{key}_{word.short_name}"
        settings = {
            name: json_value(_named_constant(node.value(name), vocabulary))
            for name in word.settings
        }
        if not word.family:
            result[word.name] = settings
        else:
            result.setdefault(word.family, {})[key] = {"word": word.short_name, **settings}
    return result


def pipeline_rows(graph: ConfigGraph, vocabulary: Vocabulary) -> list[PipelineRow]:
    """Return place, word with its scope, and settings of everything that is built, in that order.

    Places are indented by their depth; settings that are words have rows of their own.
    """

    def rows_inside(node: ConfigNode, depth: int) -> Iterator[PipelineRow]:
        for name in node.bindings:
            for reference in node.references(name):
                child = graph.child(node, reference)
                settings = ", ".join(_inline_settings(child, vocabulary))
                yield "  " * depth + name, child.subject, settings
                yield from rows_inside(child, depth + 1)

    return list(rows_inside(graph.root, 0))


def default_text(value: Any, vocabulary: Vocabulary) -> str:
    """Return a default as gin text if it has one, else as Python shows it."""
    value = _named_constant(value, vocabulary)
    try:
        return gin_text(value)
    except UnwritableError:
        return _one_line(repr(value))


def json_value(value: Any) -> Any:
    """Return a value as plain JSON: references and macros by name, other objects as text."""
    if isinstance(value, Reference):
        return prefixed(value.scope, value.word)
    if isinstance(value, MacroRef):
        return value.name
    if isinstance(value, (tuple, list)):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, float):
        # JSON has no number for infinity.
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return _one_line(repr(value))


def _operative_lines(node: ConfigNode, vocabulary: Vocabulary) -> Iterator[str]:
    for name in node.word.settings:
        subject = f"{node.subject}.{name}"
        try:
            yield f"{subject} = {gin_text(_named_constant(node.value(name), vocabulary))}"
        except UnwritableError as error:
            yield f"# {subject} = {_one_line(str(error))}  (its default)"


def _inline_settings(node: ConfigNode, vocabulary: Vocabulary) -> Iterator[str]:
    for name in node.word.settings:
        if not node.references(name):
            yield f"{name}={default_text(node.value(name), vocabulary)}"


def _named_constant(value: Any, vocabulary: Vocabulary) -> Any:
    """Return the name of the constant that the value is, or the value itself."""
    if isinstance(value, (bool, int, float, str, tuple, list, dict)) or value is None:
        return value
    same = (name for name, constant in vocabulary.constants.items() if constant is value)
    known = next(same, None)
    return value if known is None else MacroRef(known)


def _group(node: ConfigNode) -> str:
    return node.scope.replace("/", "_") or node.word.short_name


def _one_line(text: str) -> str:
    # Addresses in memory differ from run to run.
    return " ".join(re.sub(r" at 0x[0-9a-f]+", "", text).split())

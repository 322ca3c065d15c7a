"""Build what a graph describes, and locate what its constructors refuse."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from components.constraints import SettingError
from dsl.language.bindings import Binding, BindingTable
from dsl.language.graph import ConfigGraph, ConfigNode, NodeKey, resolve_graph
from dsl.language.lint.mend import mend
from dsl.language.lint.names import Known
from dsl.language.problems import Location, Problem, raised_at
from dsl.language.registry import Vocabulary
from dsl.language.type_check import is_default, mismatch
from dsl.language.values import MacroRef, Reference, leaves, prefixed, replace_leaves
from dsl.language.word import Partial


class Failure(NamedTuple):
    """A word in a scope that refused its settings."""

    node: ConfigNode
    error: Exception


def build_graph(graph: ConfigGraph, vocabulary: Vocabulary) -> tuple[Any, list[Failure]]:
    """Build the root with everything in it.

    Every reference makes an object of its own. A word with runtime arguments becomes a `Partial`.

    Returns:
        The root, which means nothing if there are failures; and all failures.
    """
    builder = _Builder(graph, vocabulary, set())
    root = builder.build(graph.root)
    return root, [*builder.failures, *_disagreements(root, builder)] if builder.failures else []


def find_failures(
    graph: ConfigGraph, vocabulary: Vocabulary, doubtful: set[tuple[str, str]]
) -> list[Failure]:
    """Return what constructors have against their settings, and what the root has against them all.

    A root may have a method `problems(unknown)`, which returns errors of settings that are possible
    each, but not together, and does not depend on the settings that are unknown.

    Args:
        graph: what would be built; without a circle.
        vocabulary: values of constants.
        doubtful: words and settings whose values are not those that the user means. No failure of
            what depends on them is returned.
    """
    builder = _Builder(graph, vocabulary, doubtful)
    root = builder.build(graph.root)
    return [*builder.failures, *_disagreements(root, builder)]


def _disagreements(root: Any, builder: "_Builder") -> list[Failure]:
    node = builder.graph.root
    judge = getattr(root, "problems", None)
    return [Failure(node, error) for error in judge(builder.unsure(node))] if judge else []


def failure_problem(
    error: Exception, place: NodeKey, graph: ConfigGraph, table: BindingTable, file: Location
) -> Problem:
    """Return the problem of a word that refused its settings, at the line that it is about.

    Args:
        error: what was raised.
        place: scope and name of the word.
        graph: what is built.
        table: the bindings that the graph is made of.
        file: the gin file as a whole.
    """
    node = graph.nodes.get(place)
    builder = node.builder if node else None
    location = table.origin(builder).location if builder else file
    subject = prefixed(*place)
    if not isinstance(error, SettingError):
        said = " ".join(str(error).split())
        text = f"{subject} cannot be built: {type(error).__name__}: {said}{raised_at(error)}"
        return Problem(location, text)
    binding = node.bindings.get(error.setting) if node else None
    if binding is not None:
        return table.value_problem(binding, error.problem)
    return Problem(location, f"{subject}.{error.setting} {error.problem}")


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


class _Builder:
    def __init__(self, graph: ConfigGraph, vocabulary: Vocabulary, doubtful: set[tuple[str, str]]):
        self.graph, self.vocabulary, self.doubtful = graph, vocabulary, doubtful
        self.failures: list[Failure] = []
        self._failed: set[int] = set()  # nodes, by identity

    def build(self, node: ConfigNode) -> Any:
        settings = {**node.word.defaults, **self._settings(node)}
        lacks_part = any(id(child) in self._failed for _, child in self._children(node))
        if lacks_part and node is not self.graph.root:
            self._failed.add(id(node))  # which is reported already
            return None
        if node.word.is_partial:
            return Partial(node.word.name, node.scope, node.word.target, settings)
        try:
            return node.word.target(**settings)
        # Constructors may raise anything; all failures are reported together.
        except Exception as error:
            self._failed.add(id(node))
            if not self.unsure(node):
                self.failures.append(Failure(node, error))
            return None

    def unsure(self, node: ConfigNode) -> set[str]:
        """Return the settings whose values, or parts of them, are not those that the user means."""
        found = {setting for word, setting in self.doubtful if word == node.word.name}
        settings = node.word.settings.values()
        found |= {s.name for s in settings if s.is_required and s.name not in node.values}
        for name, child in self._children(node):
            if id(child) in self._failed or self.unsure(child):
                found.add(name)
        return found

    def _children(self, node: ConfigNode) -> Iterator[tuple[str, ConfigNode]]:
        for name in node.bindings:
            for reference in node.references(name):
                yield name, self.graph.child(node, reference)

    def _settings(self, node: ConfigNode) -> dict[str, Any]:
        def object_of(leaf: Any) -> Any:
            if isinstance(leaf, Reference):
                return self.build(self.graph.child(node, leaf))
            return self.vocabulary.constants[leaf.name] if isinstance(leaf, MacroRef) else leaf

        return {name: replace_leaves(value, object_of) for name, value in node.values.items()}

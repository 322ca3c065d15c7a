"""Build objects straight from the resolved graph."""

from typing import Any, NamedTuple

from dsl.language.graph import ConfigGraph, ConfigNode
from dsl.language.partial import Partial
from dsl.language.registry import Vocabulary
from dsl.language.values import MacroRef, Reference, replace_leaves


class Failure(NamedTuple):
    """A word whose constructor refused its settings."""

    node: ConfigNode
    error: Exception


def build_graph(graph: ConfigGraph, vocabulary: Vocabulary) -> tuple[Any, list[Failure]]:
    """Build the root with everything in it.

    Every reference makes an object of its own. A word with runtime arguments becomes a `Partial`.

    Returns:
        The root, which means nothing if there are failures; and all failures.
    """
    builder = _Builder(graph, vocabulary)
    return builder.build(graph.root), builder.failures


class _Builder:
    def __init__(self, graph: ConfigGraph, vocabulary: Vocabulary):
        self.graph, self.vocabulary = graph, vocabulary
        self.failures: list[Failure] = []

    def build(self, node: ConfigNode) -> Any:
        failed_before = len(self.failures)
        settings = {**node.word.defaults, **self._settings(node)}
        if len(self.failures) > failed_before:
            return None  # a part is missing, which is reported already
        if node.word.is_partial:
            return Partial(node.word.name, node.scope, node.word.target, settings)
        try:
            return node.word.target(**settings)
        # Constructors may raise anything; all failures are reported together.
        except Exception as error:
            self.failures.append(Failure(node, error))
            return None

    def _settings(self, node: ConfigNode) -> dict[str, Any]:
        def object_of(leaf: Any) -> Any:
            if isinstance(leaf, Reference):
                return self.build(self.graph.child(node, leaf))
            return self.vocabulary.constants[leaf.name] if isinstance(leaf, MacroRef) else leaf

        return {name: replace_leaves(value, object_of) for name, value in node.values.items()}

"""The graph of everything that a configuration builds, with includes, macros and scopes resolved.

The graph is what is checked, built, written down and shown; nothing later reads bindings again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dsl.language.bindings import Binding, BindingTable
from dsl.language.problems import Problem
from dsl.language.registry import Vocabulary
from dsl.language.values import MacroRef, Reference, leaves, prefixed
from dsl.language.word import Word

NodeKey = tuple[str, str]  # scope and name of a word


@dataclass(frozen=True)
class ConfigNode:
    """One word in one scope.

    Attributes:
        word: the word that is built.
        scope: scope that it is built in.
        bindings: the final binding of each setting; settings at their default are absent.
        values: the values of those bindings, macros resolved.
        builder: the binding that refers to the word; None for the root.
    """

    word: Word
    scope: str
    bindings: dict[str, Binding]
    values: dict[str, Any]
    builder: Binding | None

    @property
    def subject(self) -> str:
        """Return the word with its scope."""
        return prefixed(self.scope, self.word.name)

    def value(self, setting: str) -> Any:
        """Return the value of a setting, its default if no binding sets it."""
        if setting in self.values:
            return self.values[setting]
        return self.word.settings[setting].default

    def references(self, setting: str) -> list[Reference]:
        """Return the references in the value of a setting."""
        return [leaf for leaf in leaves(self.value(setting)) if isinstance(leaf, Reference)]


@dataclass
class ConfigGraph:
    """Everything that is built, from the root on.

    Attributes:
        nodes: in the order of a walk from the root, which comes first.
        used: bindings, of macros too, that something built takes its value from.
        problem: a circle of words that contain each other, if there is one.
    """

    nodes: dict[NodeKey, ConfigNode] = field(default_factory=dict)
    used: set[Binding] = field(default_factory=set)
    problem: Problem | None = None

    @property
    def root(self) -> ConfigNode:
        """Return the node of the root."""
        return next(iter(self.nodes.values()))

    def child(self, node: ConfigNode, reference: Reference) -> ConfigNode:
        """Return the node that a reference in the settings of `node` builds."""
        return self.nodes[(reference.scope or node.scope, reference.word)]


def resolve_graph(
    table: BindingTable,
    vocabulary: Vocabulary,
    *,
    every_version: bool = False,
    unplaced: Iterable[Binding] = (),
) -> ConfigGraph:
    """Follow the references of all settings from the root on.

    Args:
        table: bindings whose macros are not circular.
        vocabulary: words with a root.
        every_version: also follow bindings that later ones replace or hide.
        unplaced: bindings of unknown names, whose values are followed in every scope.
    """
    walk = _Walk(table, vocabulary, every_version)
    walk.visit(("", vocabulary.root_word.name), None, ())
    for binding in unplaced:
        walk.visit_unplaced(binding)
    return walk.graph


def enclosing_scopes(scope: str) -> Iterator[str]:
    """Yield `""`, `a`, `a/b` for the scope `a/b`: settings are taken from all of them."""
    parts = scope.split("/") if scope else []
    for count in range(len(parts) + 1):
        yield "/".join(parts[:count])


class _Walk:
    def __init__(self, table: BindingTable, vocabulary: Vocabulary, every_version: bool):
        self.table, self.vocabulary, self.every_version = table, vocabulary, every_version
        self.graph = ConfigGraph()

    def visit(self, key: NodeKey, builder: Binding | None, path: tuple[NodeKey, ...]) -> None:
        scope, name = key
        word = self.vocabulary.words.get(name)
        if key in path:
            self._refuse_circle(builder, key, path)
        elif word is not None and key not in self.graph.nodes:
            versions = self._bindings(scope, word)
            self.graph.nodes[key] = self._node(scope, word, versions, builder)
            for found in versions.values():
                for binding in found if self.every_version else found[-1:]:
                    for reference in list(self._references(binding)):
                        target = (reference.scope or scope, reference.word)
                        self.visit(target, binding, (*path, key))

    def visit_unplaced(self, binding: Binding) -> None:
        for reference in list(self._references(binding)):
            for scope in [reference.scope] if reference.scope else self._all_scopes():
                self.visit((scope, reference.word), binding, ())

    def _all_scopes(self) -> list[str]:
        found = [leaf for binding in self.table.bindings for leaf in leaves(binding.value)]
        scopes = [leaf.scope for leaf in found if isinstance(leaf, Reference)]
        return list(dict.fromkeys(["", *scopes]))

    def _bindings(self, scope: str, word: Word) -> dict[str, list[Binding]]:
        """Return the bindings of each setting, from the widest scope to the narrowest."""
        scopes = list(enclosing_scopes(scope))
        found = {
            setting: [b for s in scopes for b in self.table.versions((s, word.name, setting))]
            for setting in word.settings
        }
        return {setting: bindings for setting, bindings in found.items() if bindings}

    def _node(
        self, scope: str, word: Word, versions: dict[str, list[Binding]], builder: Binding | None
    ) -> ConfigNode:
        final = {setting: found[-1] for setting, found in versions.items()}
        values = {setting: self.table.resolve(binding.value) for setting, binding in final.items()}
        return ConfigNode(word, scope, final, values, builder)

    def _references(
        self, binding: Binding, macros: tuple[Binding, ...] = ()
    ) -> Iterator[Reference]:
        """Mark a binding and the macros in it as used, and yield the references in them."""
        self.graph.used.add(binding)
        for leaf in leaves(binding.value):
            if isinstance(leaf, Reference):
                yield leaf
            elif isinstance(leaf, MacroRef):
                for definition in self._definitions(leaf.name):
                    if definition not in macros:
                        yield from self._references(definition, (*macros, definition))

    def _definitions(self, macro: str) -> list[Binding]:
        versions = self.table.versions(("", macro, ""))
        return versions if self.every_version else versions[-1:]

    def _refuse_circle(
        self, builder: Binding | None, key: NodeKey, path: tuple[NodeKey, ...]
    ) -> None:
        if builder is not None and self.graph.problem is None:
            circle = [prefixed(*k) for k in (*path[path.index(key) :], key)]
            text = f"{circle[0]} would be built inside itself: {' -> '.join(circle)}."
            self.graph.problem = Problem(builder.location, text)

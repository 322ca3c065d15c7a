"""What a set of bindings builds: the walk that gin takes from the root, without building."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dsl.language.problems import Problem
from dsl.language.registry import Vocabulary
from dsl.language.statements import Binding
from dsl.language.table import BindingTable
from dsl.language.values import MacroRef, Reference, leaves, prefixed
from dsl.language.word import Word

Node = tuple[str, str]  # scope and name of a word

_DEEPEST = 40
_MOST_BUILDS = 10_000


@dataclass(frozen=True)
class ConfigNode:
    """One word in one role.

    Attributes:
        word: what is built.
        scope: the role.
        settings: by name, the binding that counts; settings at their default are absent.
        builder: the binding that refers to it; None for the root.
    """

    word: Word
    scope: str
    settings: dict[str, Binding]
    builder: Binding | None

    @property
    def subject(self) -> str:
        """The word with its role."""
        return prefixed(self.scope, self.word.name)


@dataclass
class Reach:
    """The outcome of the walk.

    Attributes:
        visits: in the order of the walk, the root first.
        used: bindings, of macros too, that something built takes its value from.
        problem: why the walk does not end, where it does not.
    """

    visits: dict[Node, ConfigNode] = field(default_factory=dict)
    used: set[Binding] = field(default_factory=set)
    problem: Problem | None = None


def reach(table: BindingTable, vocabulary: Vocabulary, *, every_version: bool = False) -> Reach:
    """Walk from the root along the references of its settings.

    Args:
        table: bindings whose macros are not circular.
        vocabulary: words with a root.
        every_version: follow bindings that later ones replace or hide, too.
    """
    walk = _Walk(table, vocabulary, every_version)
    walk.visit("", vocabulary.root or "", None, ())
    return walk.found


class _Walk:
    def __init__(self, table: BindingTable, vocabulary: Vocabulary, every_version: bool):
        self.table, self.vocabulary, self.every_version = table, vocabulary, every_version
        self.found = Reach()
        self.builds: dict[Node, int] = {}

    def visit(self, scope: str, name: str, builder: Binding | None, path: tuple[Node, ...]) -> int:
        """Walk on from one word; how many things are built there."""
        node, word = (scope, name), self.vocabulary.words.get(name)
        if word is None:
            return 0
        if node in path or len(path) > _DEEPEST:
            self._refuse(builder, _endless(node, path))
            return 0
        if node not in self.builds:
            versions = self._settings(scope, word)
            final = {setting: found[-1] for setting, found in versions.items()}
            self.found.visits[node] = ConfigNode(word, scope, final, builder)
            self.builds[node] = 1 + sum(
                self.visit(reference.scope or scope, reference.word, binding, (*path, node))
                for found in versions.values()
                for binding in (found if self.every_version else found[-1:])
                for reference in self._take(binding)
            )
            if self.builds[node] > _MOST_BUILDS:
                self._refuse(builder, f"more than {_MOST_BUILDS:_} things would be built here.")
        return self.builds[node]

    def _settings(self, scope: str, word: Word) -> dict[str, list[Binding]]:
        """The bindings of each setting, from the widest role to the narrowest, the last counts."""
        scopes = list(_widening(scope))
        found = {
            setting: [b for s in scopes for b in self.table.versions((s, word.name, setting))]
            for setting in word.settings
        }
        return {setting: bindings for setting, bindings in found.items() if bindings}

    def _take(self, binding: Binding) -> list[Reference]:
        """Mark a binding and the macros in it as used; the references it leads to."""
        references, todo, seen = [], [binding], set()
        while todo:
            current = todo.pop()
            self.found.used.add(current)
            for leaf in leaves(current.value):
                if isinstance(leaf, Reference):
                    references.append(leaf)
                elif isinstance(leaf, MacroRef) and leaf not in seen:
                    seen.add(leaf)
                    todo.extend(self._definitions(leaf.name))
        if self.every_version:
            return references
        # Once more with repetitions, so that things are counted as often as they are built.
        resolved = leaves(self.table.resolve(binding.value))
        return [leaf for leaf in resolved if isinstance(leaf, Reference)]

    def _definitions(self, macro: str) -> list[Binding]:
        versions = self.table.versions(("", macro, ""))
        return versions if self.every_version else versions[-1:]

    def _refuse(self, builder: Binding | None, text: str) -> None:
        if builder is not None and self.found.problem is None:
            self.found.problem = Problem(builder.location, text)


def _widening(scope: str) -> Iterator[str]:
    """`""`, `a`, `a/b` for the scope `a/b`: gin takes settings from all of them."""
    parts = scope.split("/") if scope else []
    for count in range(len(parts) + 1):
        yield "/".join(parts[:count])


def _endless(node: Node, path: tuple[Node, ...]) -> str:
    if node in path:
        circle = [prefixed(*n) for n in (*path[path.index(node) :], node)]
        return f"{circle[0]} would be built inside itself: {' -> '.join(circle)}."
    return f"things would be built inside each other more than {_DEEPEST} deep."

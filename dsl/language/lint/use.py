"""Find bindings that nothing uses: misspelt scopes, unused macros, words that are never built."""

from collections.abc import Container, Iterable, Iterator

from dsl.language.bindings import Binding, BindingTable
from dsl.language.graph import ConfigGraph, ConfigNode, resolve_graph
from dsl.language.problems import Problem, did_you_mean, listed, nearest
from dsl.language.registry import Vocabulary
from dsl.language.values import MacroRef, leaves, prefixed, shown


def use_problems(
    table: BindingTable,
    vocabulary: Vocabulary,
    used_elsewhere: Container[str],
    unplaced: Iterable[Binding] = (),
) -> Iterator[Problem]:
    """Yield bindings without any effect.

    Overriding is not a fault: a binding of an included file may lose its use to the including file,
    and one of the user's file to a `--set`. But what a file or a `--set` says itself must count.

    Args:
        table: bindings of the files and the command line.
        vocabulary: all words.
        used_elsewhere: macros that name included files or stand in the grid of a sweep.
        unplaced: bindings of names that nobody knows, which use what they mention.
    """
    unplaced = list(unplaced)
    graph = resolve_graph(table, vocabulary, unplaced=unplaced)
    files = BindingTable(b for b in table.bindings if not b.location.in_override)
    without_overrides = resolve_graph(files, vocabulary, unplaced=unplaced)
    every_version = resolve_graph(table, vocabulary, every_version=True, unplaced=unplaced)
    explanation = _Explanation(table, graph, vocabulary)
    for binding in table.bindings:
        if binding.is_macro and binding.word in used_elsewhere:
            continue
        if binding.location.in_override:
            used = binding in graph.used or table.final(binding.key) is not binding
        elif binding.location.in_top_file:
            repeated = files.final(binding.key) is not binding
            used = binding in graph.used or binding in without_overrides.used or repeated
        else:
            used = binding in every_version.used
        if not used:
            yield Problem(binding.location, explanation.of(binding))


def lost_settings(table: BindingTable, graph: ConfigGraph) -> Iterator[str]:
    """Yield a line for each setting of a file whose word is not built, after all files are read.

    Files may set such things: what includes them, or a `--set`, chose other words.
    """
    nodes = list(graph.nodes.values())
    for binding in table.bindings:
        replaced = table.final(binding.key) is not binding
        if binding.is_macro or replaced or binding.location.in_override:
            continue
        built = [n for n in nodes if n.word.name == binding.word]
        if not any(_covers(binding.scope, node.scope) for node in built):
            instead = _same_setting(binding, nodes)
            value = shown(binding.value)
            yield f"{binding.location}: {binding.subject} = {value} applies to nothing.{instead}"


def _same_setting(binding: Binding, nodes: list[ConfigNode]) -> str:
    """Suggest the words that are built of the same family and have the setting at its default."""
    family = binding.word.rpartition(".")[0]
    others = [
        f"{node.subject}.{binding.setting}"
        for node in nodes
        if node.word.family == family
        if binding.setting in node.word.settings and binding.setting not in node.bindings
    ]
    return f" At its default: {', '.join(others)}." if others else ""


class _Explanation:
    """Explains why bindings have no effect."""

    def __init__(self, table: BindingTable, graph: ConfigGraph, vocabulary: Vocabulary):
        self.table, self.vocabulary = table, vocabulary
        self.nodes = list(graph.nodes.values())
        self.scopes = list(dict.fromkeys(node.scope for node in self.nodes if node.scope))

    def of(self, binding: Binding) -> str:
        if binding.is_macro:
            return self._unused_macro(binding)
        if binding.scope and not any(_covers(binding.scope, known) for known in self.scopes):
            return self._unknown_scope(binding.scope)
        nodes = [node for node in self.nodes if node.word.name == binding.word]
        if not nodes:
            return self._never_built(binding)
        inside = [node for node in nodes if _covers(binding.scope, node.scope)]
        if not inside:
            places = listed("It is built as", [node.subject for node in nodes])
            return f"nothing in the scope '{binding.scope}' builds {binding.word}.{places}"
        return _hidden(binding, [node.bindings[binding.setting] for node in inside])

    def _unused_macro(self, binding: Binding) -> str:
        macro = MacroRef(binding.word)
        users = [b for b in self.table.bindings if macro in leaves(b.value)]
        if users:
            place = f"{users[-1].subject} ({users[-1].location})"
            return f"{binding.word} has no effect: {place} takes it, but has none itself."
        others = [n for n in self.table.macros if n != binding.word]
        text = f"'{binding.word}' is defined, but no '%{binding.word}' uses it."
        return text + did_you_mean(nearest(binding.word, others), binding.word)

    def _unknown_scope(self, scope: str) -> str:
        suggestion = did_you_mean(nearest(scope, self.scopes))
        text = f"no '@{scope}/...' refers to the scope '{scope}'."
        return text + suggestion + listed("Scopes", self.scopes)

    def _never_built(self, binding: Binding) -> str:
        family = binding.word.rpartition(".")[0]
        built = [node.subject for node in self.nodes if node.word.family == family]
        reference = f"@{prefixed(binding.scope, binding.word)}()"
        instead = self._replaced_default(binding) or listed("Built of this family", built)
        return f"{binding.subject} has no effect: no {reference} builds the word.{instead}"

    def _replaced_default(self, binding: Binding) -> str:
        """Say where the word is made by Python as a default, which no gin file reaches."""
        target = self.vocabulary.words[binding.word].target
        for node in self.nodes:
            for setting in node.word.settings.values():
                if setting.name not in node.bindings and type(setting.default) is target:
                    reference = f"{node.subject}.{setting.name} = @{binding.word}()"
                    return f" Write {reference} to replace the default there."
        return ""


def _hidden(binding: Binding, winners: list[Binding]) -> str:
    unique = list(dict.fromkeys(winners))
    places = " and ".join(f"{b.subject} ({b.location})" for b in unique[:4])
    return f"{binding.subject} has no effect: {places} set it wherever it is built."


def _covers(scope: str, built_in: str) -> bool:
    return scope in ("", built_in) or built_in.startswith(f"{scope}/")

"""Bindings that nothing uses: misspelt roles, macros without a use, words that are never built."""

from collections.abc import Iterator

from dsl.language.problems import Problem
from dsl.language.reach import Reach, reach
from dsl.language.registry import Vocabulary
from dsl.language.statements import Binding
from dsl.language.suggest import did_you_mean, listed, nearest
from dsl.language.table import BindingTable
from dsl.language.values import MacroRef, leaves, prefixed


def use_problems(
    bindings: list[Binding], vocabulary: Vocabulary, choosers: set[str]
) -> Iterator[Problem]:
    """Bindings without any effect.

    Overriding is no fault: a binding of an included file may lose its use to the including file,
    and one of the user's file to a `--set`. But what a file or a `--set` says itself must count.

    Args:
        bindings: of the files and the command line.
        vocabulary: all words.
        choosers: macros that name included files.
    """
    table = BindingTable(bindings)
    final = reach(table, vocabulary)
    if final.problem:
        yield final.problem
        return
    files = BindingTable(b for b in bindings if not b.location.in_override)
    alone = reach(files, vocabulary)
    possible = reach(table, vocabulary, every_version=True)
    explain = _Explanation(table, final, vocabulary)
    for binding in bindings:
        if binding.is_macro and binding.word in choosers:
            continue
        if binding.location.in_override:
            used = binding in final.used or table.final(binding.key) is not binding
        elif binding.location.in_top_file:
            repeated = files.final(binding.key) is not binding
            used = binding in final.used or binding in alone.used or repeated
        else:
            used = binding in possible.used
        if not used:
            yield Problem(binding.location, explain(binding))


class _Explanation:
    """Why a binding has no effect."""

    def __init__(self, table: BindingTable, final: Reach, vocabulary: Vocabulary):
        self.table, self.final, self.vocabulary = table, final, vocabulary
        self.scopes = list(dict.fromkeys(scope for scope, _ in final.visits if scope))

    def __call__(self, binding: Binding) -> str:
        if binding.is_macro:
            return self._macro(binding)
        if binding.scope and not self._is_known(binding.scope):
            return self._scope(binding)
        visits = [v for v in self.final.visits.values() if v.word.name == binding.word]
        if not visits:
            return self._never_built(binding)
        inside = [v for v in visits if _covers(binding.scope, v.scope)]
        if not inside:
            roles = listed("It is built as", [v.subject for v in visits])
            return f"nothing in the role '{binding.scope}' builds {binding.word}.{roles}"
        return self._hidden(binding, [v.settings[binding.setting] for v in inside])

    def _macro(self, binding: Binding) -> str:
        name = MacroRef(binding.word)
        users = [b for b in self.table.bindings if name in leaves(b.value)]
        if users:
            place = f"{users[-1].subject} ({users[-1].location})"
            return f"{binding.word} has no effect: {place} takes it, but has none itself."
        others = [n for n in self.table.macros if n != binding.word]
        suggestion = nearest(binding.word, others)
        return f"'{binding.word}' is defined, but no '%{binding.word}' uses it." + did_you_mean(
            suggestion
        )

    def _scope(self, binding: Binding) -> str:
        scope = binding.scope
        suggestion = nearest(scope, self.scopes)
        return (
            f"no '@{scope}/...' refers to the role '{scope}'."
            f"{did_you_mean(suggestion)}{listed('Roles', self.scopes)}"
        )

    def _never_built(self, binding: Binding) -> str:
        family = binding.word.rpartition(".")[0]
        built = [v.subject for v in self.final.visits.values() if v.word.family == family]
        reference = f"@{prefixed(binding.scope, binding.word)}()"
        instead = self._default_of(binding) or listed("Built of this family", built)
        return f"{binding.subject} has no effect: no {reference} builds the word.{instead}"

    def _default_of(self, binding: Binding) -> str:
        """That the word is made by Python as a default, which no gin file reaches."""
        thing = self.vocabulary.words[binding.word].thing
        for visit in self.final.visits.values():
            for setting in visit.word.settings.values():
                if setting.name not in visit.settings and type(setting.default) is thing:
                    reference = f"{visit.subject}.{setting.name} = @{binding.word}()"
                    return f" Write {reference} to replace the default there."
        return ""

    def _hidden(self, binding: Binding, winners: list[Binding]) -> str:
        unique = list(dict.fromkeys(winners))
        places = " and ".join(f"{b.subject} ({b.location})" for b in unique[:4])
        return f"{binding.subject} has no effect: {places} set it wherever it is built."

    def _is_known(self, scope: str) -> bool:
        return any(_covers(scope, known) for known in self.scopes)


def _covers(scope: str, visited: str) -> bool:
    return scope in ("", visited) or visited.startswith(f"{scope}/")

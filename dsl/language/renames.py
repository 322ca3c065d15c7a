"""Old names of settings, which keep working for one release."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from dsl.language.problems import Problem
from dsl.language.registry import Vocabulary
from dsl.language.statements import Binding


class Renamed(NamedTuple):
    """Bindings under the current names of their settings.

    Attributes:
        bindings: all bindings, in the same order.
        notices: one line for each old name that was replaced.
        problems: old names of settings that the same file also sets under their new name.
    """

    bindings: list[Binding]
    notices: list[str]
    problems: list[Problem]


def use_current_names(bindings: Iterable[Binding], vocabulary: Vocabulary) -> Renamed:
    """Replace old names of settings by the current ones."""
    bindings = list(bindings)
    written = {(b.location.source, b.key): b for b in bindings}
    renamed = Renamed([], [], [])
    for binding in bindings:
        new_name = vocabulary.renamed.get(binding.word, {}).get(binding.setting)
        if new_name is None:
            renamed.bindings.append(binding)
            continue
        current = replace(binding, setting=new_name)
        change = f"{binding.subject} is now called {new_name}"
        twin = written.get((binding.location.source, current.key))
        if twin:
            text = f"{change}, which is set at {twin.location} too. Remove one of the two."
            renamed.problems.append(Problem(binding.location, text))
            continue
        renamed.bindings.append(current)
        notice = f"{binding.location}: {change}; the old name works until the next release."
        renamed.notices.append(notice)
    return renamed

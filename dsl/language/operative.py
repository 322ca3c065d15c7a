"""Every value that a run uses, defaults included: as gin text, and as a nested dict."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dsl.language.reach import ConfigNode
from dsl.language.registry import Vocabulary
from dsl.language.table import BindingTable
from dsl.language.values import MacroRef, Reference, UnwritableError, gin_text, prefixed

_HEADER = "# Every value of the run, defaults included. Running this file repeats the run."


class Operative:
    """The values of everything that is built."""

    def __init__(self, visits: Iterable[ConfigNode], table: BindingTable, vocabulary: Vocabulary):
        """Args:
        visits: what is built, and the bindings that count there.
        table: definitions of macros.
        vocabulary: names of constants.
        """
        self.visits, self.table, self.vocabulary = list(visits), table, vocabulary

    def text(self, imports: Iterable[str]) -> str:
        """A gin file which gives itself again: macros and includes resolved, names in full.

        A default that gin has no spelling for stands there as a comment.

        Args:
            imports: import statements to keep.
        """
        blocks = [_HEADER, "\n".join(dict.fromkeys(imports))]
        blocks += ["\n".join(self._lines(visit)) for visit in self.visits]
        return "\n\n".join(block for block in blocks if block) + "\n"

    def bindings(self) -> str:
        """What the files set, as flat gin text for gin itself; defaults are left out."""
        lines = [
            f"{prefixed(v.scope, v.word.selector)}.{name} = {gin_text(self._value(v, name))}"
            for v in self.visits
            for name in v.settings
        ]
        return "\n".join(lines) + "\n"

    def nested(self) -> dict[str, Any]:
        """Family, then role (or word where it has none), then setting, as plain JSON values.

        The role's word stands under `word`, so that runs can be grouped by it.
        """
        result: dict[str, Any] = {}
        keys = Counter((visit.word.family, _key(visit)) for visit in self.visits)
        for visit in self.visits:
            key = _key(visit)
            if keys[(visit.word.family, key)] > 1:
                key = f"{key}_{visit.word.short_name}"
            settings = {name: plain(self._named(visit, name)) for name in visit.word.settings}
            if not visit.word.family:
                result[visit.word.name] = settings
            else:
                family = result.setdefault(visit.word.family, {})
                family[key] = {"word": visit.word.short_name, **settings}
        return result

    def _lines(self, visit: ConfigNode) -> Iterator[str]:
        for name in visit.word.settings:
            subject = f"{visit.subject}.{name}"
            try:
                yield f"{subject} = {gin_text(self._named(visit, name))}"
            except UnwritableError as error:
                yield f"# {subject} = {_one_line(str(error))}  (its default)"

    def _value(self, visit: ConfigNode, name: str) -> Any:
        binding = visit.settings.get(name)
        if binding is None:
            return visit.word.settings[name].default
        return self.table.resolve(binding.value)

    def _named(self, visit: ConfigNode, name: str) -> Any:
        return _as_name(self._value(visit, name), self.vocabulary)


def default_text(value: Any, vocabulary: Vocabulary) -> str:
    """A default as gin text where it has one, else as Python shows it."""
    value = _as_name(value, vocabulary)
    try:
        return gin_text(value)
    except UnwritableError:
        return _one_line(repr(value))


def _as_name(value: Any, vocabulary: Vocabulary) -> Any:
    """The name of the constant that the value is, or the value itself."""
    if isinstance(value, (bool, int, float, str, tuple, list, dict)) or value is None:
        return value
    same = (name for name, constant in vocabulary.constants.items() if constant is value)
    known = next(same, None)
    return value if known is None else MacroRef(known)


def _key(visit: ConfigNode) -> str:
    return visit.scope.replace("/", "_") or visit.word.short_name


def plain(value: Any) -> Any:
    if isinstance(value, Reference):
        return prefixed(value.scope, value.word)
    if isinstance(value, MacroRef):
        return value.name
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float):
        # JSON has no word for infinity.
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return _one_line(repr(value))


def _one_line(text: str) -> str:
    # Addresses in memory differ from run to run.
    return " ".join(re.sub(r" at 0x[0-9a-f]+", "", text).split())

"""The statements of gin files, and the table of everything they set."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from dsl.language.problems import Location, Problem
from dsl.language.values import MacroRef, Reference, leaves, prefixed, replace_leaves

BindingKey = tuple[str, str, str]  # scope, word, setting


def split_key(text: str) -> BindingKey:
    """Split `scope/family.Word.setting` into scope, word and setting; a macro has no setting."""
    scope, _, name = text.rpartition("/")
    word, _, setting = name.rpartition(".")
    return (scope, word, setting) if word else (scope, setting, "")


@dataclass(frozen=True, eq=False)
class Binding:
    """`scope/family.Word.setting = value`, or `NAME = value` for a macro.

    Attributes:
        scope: scope, or empty.
        word: full name of the word, or name of the macro if `setting` is empty.
        setting: name of the setting.
        value: literal, reference or macro, or a container of them.
        location: where the binding is written.
    """

    scope: str
    word: str
    setting: str
    value: Any
    location: Location

    @property
    def key(self) -> BindingKey:
        """Return the name of what is set; later bindings replace earlier ones of the same key."""
        return self.scope, self.word, self.setting

    @property
    def is_macro(self) -> bool:
        """Return whether this defines a macro."""
        return not self.setting

    @property
    def subject(self) -> str:
        """Return what is set, as written on the left of `=`."""
        name = f"{self.word}.{self.setting}" if self.setting else self.word
        return prefixed(self.scope, name)


@dataclass(frozen=True)
class Import:
    """`import module`: the one statement that runs code.

    Attributes:
        module: dotted name.
        text: the statement as written.
        folder: folder of the gin file.
        location: where the statement is written.
    """

    module: str
    text: str
    folder: Path
    location: Location


@dataclass(frozen=True)
class Include:
    """`include 'path'`."""

    path: str
    location: Location


@dataclass(frozen=True)
class Unread:
    """Lines that could not be read.

    Attributes:
        names: everything in them that may be a name.
        bindings: what they seem to set, with the references and macros in the value.
    """

    names: frozenset[str]
    bindings: tuple[Binding, ...]

    @property
    def may_include(self) -> bool:
        """Return whether another file may be included here, whose settings are not known."""
        return "include" in self.names


Statement = Binding | Import | Include | Unread


class BindingTable:
    """Bindings by what they set, in the order they apply; the last one of a key is final."""

    def __init__(self, bindings: Iterable[Binding]):
        self.bindings = list(bindings)
        self._versions: dict[BindingKey, list[Binding]] = {}
        for binding in self.bindings:
            self._versions.setdefault(binding.key, []).append(binding)

    def versions(self, key: BindingKey) -> list[Binding]:
        """Return every binding of `key`, first to last."""
        return self._versions.get(key, [])

    def final(self, key: BindingKey) -> Binding | None:
        """Return the last binding of `key`."""
        versions = self.versions(key)
        return versions[-1] if versions else None

    def macro(self, name: str) -> Binding | None:
        """Return the final definition of a macro."""
        return self.final(("", name, ""))

    @property
    def macros(self) -> dict[str, Binding]:
        """Return the final definitions of macros, by name."""
        found = self._versions.items()
        return {name: b[-1] for (scope, name, setting), b in found if not (scope or setting)}

    def resolve(self, value: Any) -> Any:
        """Replace every defined macro in `value` by its value; macros must not be circular.

        A reference within a macro is built in the scope of the place that uses the macro, as if it
        were written there; gin itself would build it in a scope named like the macro.
        """

        def resolve_leaf(leaf: Any) -> Any:
            if isinstance(leaf, MacroRef) and not leaf.is_constant:
                macro = self.macro(leaf.name)
                return leaf if macro is None else self.resolve(macro.value)
            return leaf

        return replace_leaves(value, resolve_leaf)

    def origin(self, binding: Binding) -> Binding:
        """Return the binding whose line holds the value: follows `= %NAME` to its definition."""
        while isinstance(binding.value, MacroRef) and not binding.value.is_constant:
            macro = self.macro(binding.value.name)
            if macro is None:
                return binding
            binding = macro
        return binding

    def value_problem(self, binding: Binding, text: str) -> Problem:
        """Return a problem with the value of a binding, at the line that holds the value."""
        origin = self.origin(binding)
        if origin is binding:
            return Problem(binding.location, f"{binding.subject} {text}")
        place = _relative(binding.location, origin.location)
        text = f"{origin.subject} {text} (For {binding.subject}{place}.)"
        return Problem(origin.location, text)


def _relative(location: Location, origin: Location) -> str:
    if location.in_override:
        return ""
    return f", line {location.line}" if location.file == origin.file else f", {location}"


class Renamed(NamedTuple):
    """Bindings under the current names of words and settings.

    Attributes:
        bindings: all bindings, in the same order.
        notices: one line for each old name that was replaced.
        problems: old names of settings that the same file also sets under the current name.
    """

    bindings: list[Binding]
    notices: list[str]
    problems: list[Problem]


def use_current_names(
    bindings: Iterable[Binding],
    new_words: Mapping[str, str],
    new_settings: Mapping[str, Mapping[str, str]],
) -> Renamed:
    """Replace old names of words and settings by the current ones.

    Args:
        bindings: in the order they apply.
        new_words: the current full name of a word by its old one.
        new_settings: for each word, the current name of a setting by its old one.
    """
    renamed = Renamed([], [], [])
    current = [_with_current_words(b, new_words, renamed.notices) for b in bindings]
    written = {(b.location.source, b.key): b for b in current}
    for binding in current:
        new_name = new_settings.get(binding.word, {}).get(binding.setting)
        if new_name is None:
            renamed.bindings.append(binding)
            continue
        changed = replace(binding, setting=new_name)
        twin = written.get((binding.location.source, changed.key))
        if twin is None:
            renamed.bindings.append(changed)
            renamed.notices.append(_notice(binding.location, binding.subject, new_name))
        else:
            text = (
                f"{binding.subject} is now called {new_name}, which is set at {twin.location} too. "
                "Remove one of the two."
            )
            renamed.problems.append(Problem(binding.location, text))
    return renamed


def _with_current_words(
    binding: Binding, new_words: Mapping[str, str], notices: list[str]
) -> Binding:
    def current(name: str) -> str:
        if name in new_words:
            notices.append(_notice(binding.location, name, new_words[name]))
        return new_words.get(name, name)

    def current_leaf(leaf: Any) -> Any:
        return replace(leaf, word=current(leaf.word)) if isinstance(leaf, Reference) else leaf

    value = replace_leaves(binding.value, current_leaf)
    return replace(binding, word=current(binding.word), value=value)


def _notice(location: Location, old: str, new: str) -> str:
    return f"{location}: {old} is now called {new}; the old name works until the next release."


def circle_problems(table: BindingTable) -> Iterator[Problem]:
    """Yield macros that are defined by themselves, each circle once."""
    for circle in _circles(table):
        text = f"{circle[0]} is defined by itself: {' -> '.join(circle)}."
        yield Problem(table.macros[circle[0]].location, text)


def without_circles(table: BindingTable) -> BindingTable:
    """Return the bindings without macros that are defined by themselves."""
    circular = {name for circle in _circles(table) for name in circle}
    return BindingTable(b for b in table.bindings if not (b.is_macro and b.word in circular))


def _circles(table: BindingTable) -> Iterator[list[str]]:
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[list[str]]:
        binding = table.macro(name)
        if name in path:
            yield [*path[path.index(name) :], name]
        elif binding is not None and name not in finished:
            for leaf in leaves(binding.value):
                if isinstance(leaf, MacroRef):
                    yield from visit(leaf.name, (*path, name))
            finished.add(name)

    for name in table.macros:
        yield from visit(name, ())

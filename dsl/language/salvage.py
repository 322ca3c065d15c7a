"""Find the names in lines that cannot be read, so that their other side is not called wrong."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from dsl.language.bindings import Binding, Unread, split_key
from dsl.language.problems import Location
from dsl.language.values import REQUIRED, MacroRef, Reference

# The first character of a line that begins a statement.
TOP_LEVEL = re.compile(r"[^\s#\])}]")
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"((?:[A-Za-z_]\w*/)*)([A-Za-z_]\w*\.[A-Za-z_]\w*)")
_MACRO = re.compile(r"%([A-Za-z_]\w*)(?!\w*\.)")
_TARGET = re.compile(r"\s*([A-Za-z_][\w./]*)\s*(?:[:=]|$)")
_BLOCK = re.compile(r"([A-Za-z_][\w./]*)\s*:\s*(#.*)?$")


def salvage(lines: Sequence[str], begun: int, end: int, location: Location) -> Unread:
    """Return what unread lines seem to say.

    Args:
        lines: of the whole file.
        begun: index of the first unread line.
        end: index after the last one.
        location: what the bindings found are said to stand at.
    """
    unread = lines[begun:end]
    names = frozenset(name for line in unread for name in _NAME.findall(line))
    top = next((i for i in range(begun, -1, -1) if TOP_LEVEL.match(lines[i])), begun)
    header = _BLOCK.match(lines[top])
    prefix = f"{header[1]}." if header else ""
    inner = unread[1:] if header and top == begun else unread
    found = [_binding(line, prefix, location) for line in (inner if header else unread[:1])]
    rest = [] if header else _leaves("".join(unread[1:]))
    if rest:
        found.append(Binding("", "", "?", list(rest), location))
    return Unread(names, tuple(binding for binding in found if binding))


def _binding(line: str, prefix: str, location: Location) -> Binding | None:
    target = _TARGET.match(line)
    values = list(_leaves(line[target.end() :] if target else line))
    if target is None:
        return Binding("", "", "?", values, location) if values else None
    is_word = len(values) == 1 and isinstance(values[0], Reference)
    value = values[0] if is_word else [REQUIRED, *values]  # not known yet
    return Binding(*split_key(f"{prefix}{target[1]}"), value, location)


def _leaves(text: str) -> Iterator[Any]:
    for scope, word in _WORD.findall(text):
        yield Reference(word, scope.rstrip("/"))
    for macro in _MACRO.findall(text):
        yield MacroRef(macro)

"""Text to statements: gin's parser, restarted after each error so that all errors are found."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsl.language import gin_door
from dsl.language.problems import Location, Problem
from dsl.language.statements import Binding, Import, Include, Statement
from dsl.language.syntax_hints import explain
from dsl.language.values import malformed

_MOST_PROBLEMS = 20
_BLANK = re.compile(r"\s*(#.*)?$")
_TOP_LEVEL = re.compile(r"[^\s#\])}]")


def read_statements(
    text: str, file: Location, folder: Path
) -> tuple[list[Statement], list[Problem]]:
    """Every statement that can be read, and a problem for each that cannot."""
    lines = list(io.StringIO(text))
    statements: list[Statement] = []
    problems: list[Problem] = []
    start = 0
    while start < len(lines) and len(problems) < _MOST_PROBLEMS:
        parsed = gin_door.parse("".join(lines[start:]))
        for raw in parsed.statements:
            statements.extend(_own(raw, file, start, folder))
        if isinstance(parsed.error, gin_door.TooManyError):
            return [], [Problem(file, str(parsed.error))]
        if parsed.error is None:
            break
        begun = _first_token(lines, start + parsed.begun - 1)
        problems.append(_problem(parsed.error, lines, start, begun, file))
        start = _next_statement(lines, begun)
    wrong = [(s, _malformed(s)) for s in statements]
    problems.extend(Problem(s.location, text) for s, text in wrong if text)
    return [s for s, text in wrong if not text], problems


def _malformed(statement: Statement) -> str | None:
    return malformed(statement.value) if isinstance(statement, Binding) else None


def _own(raw: Any, file: Location, offset: int, folder: Path) -> Iterator[Statement]:
    location = replace(file, line=raw.location.line_num + offset)
    if isinstance(raw, gin_door.BindingStatement):
        yield Binding(raw.scope, raw.selector, raw.arg_name, raw.value, location)
    elif isinstance(raw, gin_door.ImportStatement):
        yield Import(raw.module, raw.format(), folder, location)
    elif isinstance(raw, gin_door.IncludeStatement):
        yield Include(raw.filename, location)


def _problem(error: Exception, lines: list[str], start: int, begun: int, file: Location) -> Problem:
    line, message = reported(error)
    at = min(max(start + line - 1, begun), len(lines) - 1) if line else begun
    statement = "".join(lines[begun : at + 1])
    if at > begun and _open_brackets(statement) > 0:
        text = f"cannot read `{_clip(lines[begun])}`: a bracket opened here is not closed."
        return Problem(replace(file, line=begun + 1), text)
    text = f"cannot read `{_clip(lines[at])}`. {explain(message, lines[at])}"
    return Problem(replace(file, line=at + 1), text)


def reported(error: Exception) -> tuple[int, str]:
    """Line (0 where unknown) and message of what gin, the tokeniser or Python raised."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0, error.msg
    if isinstance(error, tokenize.TokenError) and len(error.args) == 2:
        return error.args[1][0], error.args[0]
    if isinstance(error, (RecursionError, MemoryError)):
        return 0, "nested too deeply"
    return 0, str(error)


def _first_token(lines: list[str], index: int) -> int:
    while index < len(lines) - 1 and _BLANK.match(lines[index]):
        index += 1
    return min(index, len(lines) - 1)


def _next_statement(lines: list[str], begun: int) -> int:
    index = begun + 1
    while index < len(lines) and not _TOP_LEVEL.match(lines[index]):
        index += 1
    return index


def _open_brackets(text: str) -> int:
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)
    return sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))


def _clip(line: str, limit: int = 70) -> str:
    line = "".join(c if c.isprintable() else "?" for c in line.strip())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."

"""Read gin text and `--set NAME=VALUE` as statements.

This is the only file that imports gin; it is written for gin-config 0.5.0. gin contributes its
parser and nothing else. It stops at the first error, so it is started again on the statement after
each one: all errors of a file are found at once.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gin import config_parser

from dsl.errors import printable
from dsl.language.bindings import Binding, Import, Include, Statement, Unread
from dsl.language.foreign_syntax import arithmetic_hint, without_warnings
from dsl.language.problems import OVERRIDES, Location, Problem
from dsl.language.salvage import TOP_LEVEL, salvage
from dsl.language.syntax_hints import REPEATED_KEY, SIGN, TOO_SMALL, explain
from dsl.language.values import MacroRef, Reference, has_named_keys, shown

_BLANK = re.compile(r"\s*(#.*)?$")
NAMED_KEYS = "the keys of a dict must be numbers or text."
_NAME = re.compile(r"([A-Za-z_]\w*/)*([A-Za-z_]\w*\.)*[A-Za-z_]\w*")
_KEYWORDS = ("include", "import")
_GIN_SIGNS = ("@", "%", "[", "(", "{", "'", '"')


class Parsed(NamedTuple):
    """The statements of a text up to its first error.

    Attributes:
        statements: gin's statements, lines counted from 1.
        error: what gin raised for the next statement; None at the end of the text.
        begun: line at or before the first token of that statement.
    """

    statements: list[Any]
    error: Exception | None
    begun: int


def parse(text: str) -> Parsed:
    """Read gin text until its end or its first error."""
    statements, begun = [], 1
    with without_warnings():
        try:
            parser = _Parser(text)
            # `for statement in parser` would take an unexpected end of tokens for the end of file.
            while statement := parser.parse_statement():
                statements.append(statement)
                token: Any = parser.current_token
                begun = token.start[0]
        # Whatever the tokeniser, the literal parser or gin raises, the text is at fault.
        except Exception as error:
            return Parsed(statements, error, begun)
    return Parsed(statements, None, begun)


def split_binding_key(text: str) -> tuple[str, str, str]:
    """Split `scope/family.Word.setting` into scope, word and setting; a macro has no setting."""
    return config_parser.parse_binding_key(text)


def read_statements(
    text: str, file: Location, folder: Path
) -> tuple[list[Statement], list[Problem]]:
    """Return every statement that can be read, and a problem for each that cannot."""
    lines = list(io.StringIO(text))
    statements: list[Statement] = []
    problems: list[Problem] = []
    start = 0
    while start < len(lines):
        parsed = parse("".join(lines[start:]))
        for raw in parsed.statements:
            statements.extend(_own_statements(raw, file, start, folder))
        if parsed.error is None:
            break
        begun = _first_token(lines, start + parsed.begun - 1)
        problem = _syntax_problem(parsed.error, lines, start, begun, file)
        problems.append(problem)
        start = _next_statement(lines, begun)
        statements.append(salvage(lines, begun, start, problem.location))
    bindings = [s for s in statements if isinstance(s, Binding)]
    wrong = {b: NAMED_KEYS for b in bindings if has_named_keys(b.value)}
    wrong |= {b: _keyword_advice(b) for b in bindings if b.is_macro and b.word in _KEYWORDS}
    problems.extend(Problem(binding.location, text) for binding, text in wrong.items())
    unread = [Unread(frozenset({b.word}), ()) for b in wrong if b.is_macro]
    return [*(s for s in statements if s not in wrong), *unread], problems


def _keyword_advice(binding: Binding) -> str:
    """Return what to write in place of `include = 'file'`."""
    value = repr(binding.value) if binding.word == "include" else str(binding.value)
    return f"{binding.word} takes no '='. Write {binding.word} {value}."


def error_message(error: Exception) -> tuple[int, str]:
    """Return line (0 if unknown) and message of what gin, the tokeniser or Python raised."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0, error.msg
    if isinstance(error, tokenize.TokenError) and len(error.args) == 2:
        return error.args[1][0], error.args[0]
    if isinstance(error, (RecursionError, MemoryError)):
        return 0, "nested too deeply"
    return 0, str(error)


class _Delegate(config_parser.ParserDelegate):
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        *scopes, word = scoped_configurable_name.split("/")
        return Reference(word, "/".join(scopes), evaluate)

    def macro(self, macro_name: str) -> MacroRef:
        return MacroRef(macro_name)


class _Parser(config_parser.ConfigParser):
    """gin's parser, which by itself drops the first of two equal keys, and a sign, silently."""

    def __init__(self, text: str) -> None:
        self._keys: list[Any] = []  # of the dict that is being read
        super().__init__(text, _Delegate())

    def _maybe_parse_container(self) -> tuple[bool, Any]:
        outer, self._keys = self._keys, []
        found, value = super()._maybe_parse_container()
        keys, self._keys = self._keys, outer
        if isinstance(value, dict) and len(value) < len(keys):
            [(key, _)] = Counter(keys).most_common(1)
            raise SyntaxError(f"{REPEATED_KEY} {shown(key)}.")
        return found, value

    def _maybe_parse_basic_type(self) -> tuple[bool, Any]:
        token: Any = self.current_token
        found, value = super()._maybe_parse_basic_type()
        if token.string == "-" and not found:
            raise SyntaxError(SIGN)  # gin itself would read `-%X` as `%X`
        digits = re.match(r"[-\s]*([\d._]*)", token.line[token.start[1] :])
        if type(value) is float and value == 0 and digits and re.search("[1-9]", digits[1]):
            raise SyntaxError(f"{TOO_SMALL} {value}.")
        return found, value

    def _parse_dict_item(self) -> tuple[Any, Any]:
        key, value = super()._parse_dict_item()
        self._keys.append(key)
        return key, value


def _own_statements(raw: Any, file: Location, offset: int, folder: Path) -> Iterator[Statement]:
    location = replace(file, line=raw.location.line_num + offset)
    if isinstance(raw, config_parser.BindingStatement):
        yield Binding(raw.scope, raw.selector, raw.arg_name, raw.value, location)
    elif isinstance(raw, config_parser.ImportStatement):
        yield Import(raw.module, raw.format(), folder, location)
    elif isinstance(raw, config_parser.IncludeStatement):
        yield Include(raw.filename, location)


def _syntax_problem(
    error: Exception, lines: list[str], start: int, begun: int, file: Location
) -> Problem:
    line, message = error_message(error)
    at = min(max(start + line - 1, begun), len(lines) - 1) if line else begun
    statement = "".join(lines[begun : at + 1])
    if at > begun and _open_brackets(statement) > 0:
        text = f"cannot read `{_clipped(lines[begun])}`: a bracket opened here is not closed."
        return Problem(replace(file, line=begun + 1), text)
    text = f"cannot read `{_clipped(lines[at])}`. {explain(message, lines[at])}"
    return Problem(replace(file, line=at + 1), text)


def _first_token(lines: list[str], index: int) -> int:
    while index < len(lines) - 1 and _BLANK.match(lines[index]):
        index += 1
    return min(index, len(lines) - 1)


def _next_statement(lines: list[str], begun: int) -> int:
    index = begun + 1
    while index < len(lines) and not TOP_LEVEL.match(lines[index]):
        index += 1
    return index


def _open_brackets(text: str) -> int:
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)
    return sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))


def _clipped(line: str, limit: int = 70) -> str:
    line = printable(line.strip(" \t\n"))
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


class OverrideError(ValueError):
    """An override that cannot be read."""


def read_overrides(overrides: Iterable[str]) -> tuple[list[Binding], list[Problem]]:
    """Return a binding for each override that can be read, and a problem for each that cannot."""
    bindings, problems = [], []
    for position, override in enumerate(overrides):
        location = Location(f"--set {_one_line(override)}", rank=OVERRIDES + position)
        try:
            name, value = _split(override)
            bindings.append(Binding(*split_binding_key(name), _read_value(value), location))
        except OverrideError as error:
            problems.append(Problem(location, str(error)))
    return bindings, problems


def _split(override: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in override.partition("="))
    if any("\ud800" <= c <= "\udfff" for c in override):
        raise OverrideError("it is not text in UTF-8.")  # the shell's bytes, as Python shows them
    if not equals:
        raise OverrideError("write NAME=VALUE.")
    if not _NAME.fullmatch(name):
        raise OverrideError(f"{_one_line(name)!r} is not the name of a macro or setting.")
    if not value:
        raise OverrideError(f"there is no value. For empty text, write \"{name}=''\".")
    return name, value


def _read_value(text: str) -> Any:
    parsed = parse(f"VALUE = {text}\n")
    if parsed.error is None and len(parsed.statements) == 1:
        value = parsed.statements[0].value
        if has_named_keys(value):
            raise OverrideError(NAMED_KEYS)
        return value
    if computed := arithmetic_hint(text):
        raise OverrideError(computed)
    # A bare word, a path or a date: the shell would have removed quotes around it.
    if "\n" not in text and not text.startswith(_GIN_SIGNS):
        return text
    said = error_message(parsed.error)[1] if parsed.error else "there is more than one statement"
    raise OverrideError(f"cannot read the value. {explain(said, f'VALUE = {text}')}")


def _one_line(text: str, limit: int = 80) -> str:
    text = printable(text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."

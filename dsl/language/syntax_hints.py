"""Explain gin's syntax errors, and say what to write instead."""

import ast
import contextlib
import operator
import re
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Any

from dsl.language.values import shown

REPEATED_KEY = "A dict has every key once; there are two of"
SIGN = "A sign stands before a number only."

_NO_VALUE = (
    "What follows the '=' is not a value: numbers, 'text', True, None, lists, @word(), %NAME."
)

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_PYTHON_NAMES = {"true": "True", "false": "False", "none": "None", "null": "None"}
_filters = threading.Lock()  # the filters of warnings belong to the whole process


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Silence Python's warnings about the user's literals."""
    with _filters, warnings.catch_warnings(action="ignore"):
        yield


def explain(message: str, line: str) -> str:
    """Return one or two sentences about a line that gin refused with `message`."""
    if message.startswith((REPEATED_KEY, SIGN)):
        return message
    if re.match(r"[ \t]*\t", line) and re.search("identifier|ndent|dedent", message):
        return "The lines of a block must be indented alike; this one begins with a tab."
    hints = (
        *(_curly_quotes, _odd_character, _continuation, _include, _import, _call, _arithmetic),
        *(_thousands, _two_names, _trailing_sign, _bare_word, _number_form, _quotes, _form),
    )
    for hint in hints:
        found = hint(message, line.strip())
        if found:
            return found
    return f"gin says: {_tidy(message)}"


def arithmetic_hint(expression: str) -> str | None:
    """Return what to write in place of arithmetic on numbers; None for other expressions."""
    try:
        with without_warnings():
            tree = ast.parse(expression.strip(), mode="eval").body
        value = _number(tree) if isinstance(tree, ast.BinOp) else None
    except Exception:  # no expression, no arithmetic
        return None
    return None if value is None else f"gin has no arithmetic. Write {shown(value)}."


def _number(tree: ast.expr) -> Any:
    """Return the value of an expression of numbers; raises on everything else."""
    if isinstance(tree, ast.BinOp):
        left, right = _number(tree.left), _number(tree.right)
        # Without a bound, a power can keep the machine busy for ever.
        if isinstance(tree.op, ast.Pow) and (abs(left) > 1000 or not 0 <= right < 20):
            raise ValueError(tree)
        return _OPERATORS[type(tree.op)](left, right)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_number(tree.operand)
    if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
        return tree.value
    raise ValueError(tree)


def _curly_quotes(_: str, line: str) -> str | None:
    return "Use plain quotes: '...'." if re.search("[\u2018\u2019\u201c\u201d]", line) else None


def _odd_character(_: str, line: str) -> str | None:
    """Name a character outside of text and comments that looks like another one, or like none."""
    code = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
    odd = next((c for c in code if not c.isascii() and not c.isalpha()), None)
    if odd is None:
        return None
    name = unicodedata.name(odd, "a control character").lower()
    return f"gin cannot read the character U+{ord(odd):04X} ({name}). Retype it."


def _continuation(_: str, line: str) -> str | None:
    return "Nothing follows the \\ at the end. Remove it." if line.endswith("\\") else None


def _import(_: str, line: str) -> str | None:
    if re.match(r"(import|from)\b.*,", line):
        return "Import one module a line."
    return "Write import module." if re.match(r"(import|from)\b(?!.*[=:])", line) else None


def _two_names(_: str, line: str) -> str | None:
    return "Set one name a line." if re.match(r"[\w./]+\s*=\s*[\w./]+\s*=", line) else None


def _trailing_sign(message: str, line: str) -> str | None:
    if "newline" not in message:
        return None
    code = re.sub(r"\s*#.*", "", line)
    if code.endswith((",", ";")):
        return f"Remove the {code[-1]} at the end."
    return "Write one statement a line, without a ;." if ";" in code else None


def _number_form(message: str, line: str) -> str | None:
    found = re.match(r"[\w./]+\s*=\s*([-+]?\.?\d[\w.]*)\s*(#.*)?$", line)
    if "newline" not in message or not found:
        return None
    return f"{found[1]} is not a number that gin can read."


def _include(_: str, line: str) -> str | None:
    if not line.startswith("include"):
        return None
    quoted = re.search(r"'([^']+)'|\"([^\"]+)\"", line)
    bare = line.removeprefix("include").strip(" =\"';")
    path = (quoted[1] or quoted[2]) if quoted else bare or "base/name.gin"
    return f"Write include '{path}'."


def _call(message: str, line: str) -> str | None:
    found = re.search(r"@([\w./]+)\(\s*([^)\s].*)", line)
    if not found or "')'" not in message:
        return None
    setting = re.match(r"[A-Za-z_]\w*", found[2])
    example = f"{found[1]}.{setting[0] if setting else 'setting'} = ..."
    return f"Write @{found[1]}() and set it on lines of its own, such as {example}"


def _arithmetic(message: str, line: str) -> str | None:
    value = line.partition("=")[2].partition("#")[0]
    computed = arithmetic_hint(value)
    if computed:
        return computed
    if re.match(r"\s*[\d.]+e\s*[-+]", value):
        return f"{value.strip()} is not a number that gin can read."
    if "newline" in message and re.match(r"\s*[%\w.()]+\s*[-+*/]", value):
        return "gin has no arithmetic. Write the result."
    return None


def _thousands(_: str, line: str) -> str | None:
    found = re.search(r"=\s*(\d{1,3}(?:,\d{3})+)\s*(#.*)?$", line)
    return f"Write {found[1].replace(',', '_')}." if found else None


def _bare_word(message: str, line: str) -> str | None:
    found = re.search(r"Failed to parse token '(.*)'", message)
    if not found:
        return None
    token = found[1]
    if token.lstrip("-+").lower() in ("nan", "inf", "infinity"):
        return f"A setting cannot be {token}: write a finite number."
    if token.lower() in _PYTHON_NAMES:
        return f"Write {_PYTHON_NAMES[token.lower()]}."
    if re.search(rf"\b{re.escape(token)}\s*\(", line):
        return f"To build a word, write @family.{token}()."
    if not token.isidentifier():
        return f"{token} is not a number that gin can read."
    whole = line.partition("=")[2].partition("#")[0].strip()
    text = whole if re.fullmatch(r"[\w./ -]+", whole) else token
    if text.isidentifier() and text.isupper():
        return f"Text goes in quotes, '{text}'; a macro is used as %{text}."
    return f"Text goes in quotes: '{text}'."


def _form(message: str, line: str) -> str | None:
    if found := re.match(r"([\w./]+):\s*([A-Za-z_]\w*)\s*=\s*([^\s#].*)", line):
        return f"Write {found[1]}.{found[2]} = {found[3]}."
    if "Expected newline" in message and (found := re.match(r"([\w./]+):\s*([^\s#].*)", line)):
        return f"Write {found[1]} = {found[2]}."
    if "Expected newline" in message:
        return "Something follows the value; a line has one value."
    if "Couldn't parse statement" in message or "Expected '='" in message:
        return (
            "A line reads NAME = value, family.Word.setting = value, or family.Word: and a block."
        )
    if "Invalid identifier" in message:
        if re.match(r"[A-Za-z_]\w*\s*=", line):
            return "The lines of a block must be indented alike."
        return "A line of a block reads setting = value."
    if "Malformatted" in message or "Unexpected token" in message:
        if re.match(r"[\w./]+\s*=\s*[^\s#]", line):
            return _NO_VALUE
        return (
            "A line begins with a name: NAME, or scope/family.Word.setting, without spaces in it."
        )
    if "Expected ':'" in message:
        return "An entry of a dict reads 'name': value."
    if "Unable to parse value" in message:
        if re.search(r"=\s*(#.*)?$", line):
            return "There is no value after the '='."
        if found := re.search(r"=\s*\$\{?([A-Za-z_]\w*)", line):
            return f"A macro is used as %{found[1]}."
        if found := re.search(r"=\s*\+([\d.]\S*)", line):
            return f"Write {found[1]}."
        return _NO_VALUE
    if "Expected indentation" in message:
        return "The settings of a block stand on the lines below it, indented."
    if "unindent" in message or "dedent" in message:
        return "The lines of a block must be indented alike."
    return None


def _quotes(message: str, line: str) -> str | None:
    code = line.partition("#")[0]
    if "string literal" in message or code.count("'") % 2 or code.count('"') % 2:
        return "A quote that is opened here is not closed."
    if "EOF" in message or "was never closed" in message:
        return "A bracket that is opened here is not closed."
    if "too deeply" in message or "too many nested" in message:
        return "Brackets are nested too deeply."
    return None


def _tidy(message: str) -> str:
    words = " ".join(message.split())
    return words if words.endswith(".") else f"{words}."

"""Explain gin's syntax errors, and say what to write instead."""

import re
import unicodedata

from dsl.language.foreign_syntax import (
    arithmetic_hint,
    explain_digit_groups,
    explain_foreign_syntax,
    explain_number,
)

REPEATED_KEY = "A dict has every key once; there are two of"
SIGN = "A sign stands before a number only."
TOO_SMALL = "It is too small for a number, and would be read as"

_MODULE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_NO_VALUE = (
    "What follows the '=' is not a value: numbers, 'text', True, None, lists, @word(), %NAME."
)

_PYTHON_NAMES = {"true": "True", "false": "False", "none": "None", "null": "None"}
_SWITCHES = {"on": True, "yes": True, "off": False, "no": False}
_LOOKALIKES = {"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-"}
_LOOKALIKES |= {"\u2212": "-", "\u00a0": "a blank", "\u00d7": "*"}


def explain(message: str, line: str) -> str:
    """Return one or two sentences about a line that gin refused with `message`."""
    if message.startswith((REPEATED_KEY, SIGN, TOO_SMALL)):
        return message
    if re.match(r"[ \t]+(include|import)\b(?!\s*=)", line):
        return f"An {line.split()[0]} is a line of its own, not indented, above or below the block."
    if re.match(r"[ \t]*\t", line) and re.search("identifier|ndent|dedent", message):
        return "The lines of a block must be indented alike; this one begins with a tab."
    hints = (
        *(_curly_quotes, _odd_character, _continuation, _include, _import, _wrong_name, _call),
        *(_foreign, _arithmetic, _digit_groups, _two_names, _trailing_sign, _bare_word),
        *(_number_form, _quotes, _form),
    )
    for hint in hints:
        found = hint(message, line.strip())
        if found:
            return found
    return f"gin says: {_tidy(message)}"


def _curly_quotes(_: str, line: str) -> str | None:
    return "Use plain quotes: '...'." if re.search("[\u2018\u2019\u201c\u201d]", line) else None


def _odd_character(_: str, line: str) -> str | None:
    """Name a character outside of text and comments that looks like another one, or like none."""
    code = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
    odd = next((c for c in code if not c.isascii() and not c.isalpha()), None)
    if odd is None:
        return None
    name = unicodedata.name(odd, "a control character").lower()
    wanted = _LOOKALIKES.get(odd)
    advice = f"Write {wanted}." if wanted else "Retype it."
    return f"gin cannot read the character U+{ord(odd):04X} ({name}). {advice}"


def _continuation(_: str, line: str) -> str | None:
    return "Nothing follows the \\ at the end. Remove it." if line.endswith("\\") else None


def _import(_: str, line: str) -> str | None:
    if re.match(r"(import|from)\b.*,", line):
        return "Import one module a line."
    if not re.match(r"(import|from)\b(?!.*[=:])", line):
        return None
    module = line.split()[1].strip("'\".;,") if len(line.split()) > 1 else ""
    if "-" in module:
        return f"A module's name has no '-'. Rename the file to {module.replace('-', '_')}.py."
    return f"Write import {module if re.fullmatch(_MODULE, module) else 'module'}."


def _wrong_name(_: str, line: str) -> str | None:
    name = re.match(r"([\w./]+)\s*=", line)
    if name is None or re.fullmatch(rf"(\w+/)*{_MODULE}", name[1]):
        return None
    return f"{name[1]} is not a name: NAME, or scope/family.Word.setting."


def _foreign(_: str, line: str) -> str | None:
    return explain_foreign_syntax(line)


def _digit_groups(_: str, line: str) -> str | None:
    return explain_digit_groups(line)


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
    return explain_number(found[1])


def _include(_: str, line: str) -> str | None:
    if not line.startswith("include"):
        return None
    quoted = re.search(r"'([^']+)'|\"([^\"]+)\"", line)
    if quoted and re.match(r"\s*,\s*['\"]", line[quoted.end() :]):
        return "Include one file a line."
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


def _bare_word(message: str, line: str) -> str | None:
    found = re.search(r"Failed to parse token '(.*)'", message)
    if not found:
        return None
    token = found[1]
    if token.lstrip("-+").lower() in ("nan", "inf", "infinity"):
        return f"A setting cannot be {token}: write a finite number."
    if token.lower() in _PYTHON_NAMES:
        return f"Write {_PYTHON_NAMES[token.lower()]}."
    if token.lower() in _SWITCHES:
        return f"Write {_SWITCHES[token.lower()]}. Text goes in quotes: '{token}'."
    if not token.isidentifier():
        return explain_number(token)
    whole = line.partition("=")[2].partition("#")[0].strip()
    text = whole if re.fullmatch(r"[\w./ -]+", whole) else token
    if text.isidentifier() and text.isupper():
        return f"Text goes in quotes, '{text}'; a macro is used as %{text}."
    return f"Text goes in quotes: '{text}'."


def _form(message: str, line: str) -> str | None:
    if found := re.match(r"([\w./]+):\s*([A-Za-z_]\w*)\s*=\s*([^\s#].*)", line):
        return f"Write {found[1]}.{found[2]} = {found[3]}."
    statement = re.search("Expected newline|Expected '='|Couldn't parse|Invalid ident", message)
    if statement and (found := re.match(r"([A-Za-z_][\w./]*):\s*([^\s#].*)", line)):
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

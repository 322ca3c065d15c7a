"""Names and settings as the page and the figures show them, whatever characters they hold."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

_WORD = re.compile(r"(?:\w+/)?\w+\.([A-Za-z]\w*)(?:\(\))?")
# An underscore inside a word is not markup.
_MARKDOWN = re.compile(r"([\\`*\[\]<>|$&~]|(?<![^\W_])_|_(?![^\W_]))")


def setting_in_words(value: Any) -> str:
    """Format a setting for display."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    match = _WORD.fullmatch(str(value))
    return shortened(match[1] if match else str(value))


def shortened(text: str, longest: int = 60) -> str:
    """Return a text on one line; a hash replaces line breaks and what is too long."""
    line = single_line(text)
    if line == text and len(line) <= longest:
        return line
    digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{line[: longest - 9]}~{digest}"


def single_line(text: str) -> str:
    """Return a text on one line, with U+FFFD for what is not a character of a text.

    These are control characters, and the surrogates that stand for undecodable bytes in the names
    of files: neither UTF-8 nor a font has them.
    """
    return "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in " ".join(text.split())
    )


def markdown_text(text: str) -> str:
    """Escape what Markdown and HTML would read as markup, and put the text on one line."""
    return _MARKDOWN.sub(r"\\\1", single_line(text))


def markdown_code(text: str) -> str:
    """Return a text as a code span, or escaped where it would end the span or a table's cell."""
    code = single_line(text)
    return markdown_text(code) if re.search(r"[`|]", code) else f"`{code}`"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""What to write instead of a value of the wrong type."""

from typing import Any, Literal, get_args, get_origin

from dsl.language.registry import Vocabulary
from dsl.language.suggest import did_you_mean, nearest
from dsl.language.syntax_hints import arithmetic
from dsl.language.type_names import CALLABLES, TUPLES, bare, members
from dsl.language.values import Reference, shown


def advice(value: Any, hint: Any, words: list[str], vocabulary: Vocabulary) -> str:
    """` Write ...` to append to a sentence, or nothing.

    Args:
        value: what was found.
        hint: annotation of the setting.
        words: references that would fit.
        vocabulary: what names are looked up in.
    """
    kinds = [bare(member) for member in members(hint)]
    if type(value) is float:
        return _for_float(value, kinds)
    if isinstance(value, str):
        return _for_text(value, kinds, words, vocabulary)
    if type(value) is int and bool in kinds and value in (0, 1):
        return f" Write {bool(value)}."
    if isinstance(value, list) and any((get_origin(k) or k) in TUPLES for k in kinds):
        return f" Write {shown(tuple(value))}."
    return _for_reference(value, words)


def _for_float(value: float, kinds: list[Any]) -> str:
    if int not in kinds or abs(value) >= 2**63 or value != value:
        return ""
    if value == int(value):
        return f" Write {int(value):_}."
    below = int(value // 1)
    return f" Nearest: {below} or {below + 1}."


def _for_text(value: str, kinds: list[Any], words: list[str], vocabulary: Vocabulary) -> str:
    literal = _unquoted(value)
    if type(literal) in kinds or (type(literal) is int and float in kinds):
        return f" Write {literal!r}, without quotes."
    options = [o for k in kinds if get_origin(k) is Literal for o in get_args(k)]
    if options:
        return did_you_mean(nearest(value, [o for o in options if isinstance(o, str)]))
    if computed := arithmetic(value):
        return f" {computed[0].upper()}{computed[1:]}"
    takes_names = bool(words) or any(k in CALLABLES or get_origin(k) in CALLABLES for k in kinds)
    return _for_name(value, takes_names, words, vocabulary)


def _for_name(value: str, takes_names: bool, words: list[str], vocabulary: Vocabulary) -> str:
    name = value.strip("@%() ")
    callable_names = [*vocabulary.words, *vocabulary.constants] if takes_names else []
    meant = next((n for n in callable_names if name in (n, n.rpartition(".")[2])), None)
    if meant is None:
        return _for_reference(value, words)
    return f" Write @{meant}()." if meant in vocabulary.words else f" Write %{meant}."


def _for_reference(value: Any, words: list[str]) -> str:
    if not words:
        return ""
    # Of what has the right type, the likeliest is named like what was found.
    like = nearest(value.word, [w.strip("@()") for w in words]) if _is_reference(value) else None
    if like:
        return f" Did you mean '@{like}()'?"
    more = f" or {len(words) - 3} more" if len(words) > 3 else ""
    return f" Write {', '.join(words[:3])}{more}."


def _is_reference(value: Any) -> bool:
    return isinstance(value, Reference)


def _unquoted(text: str) -> Any:
    known = {"true": True, "false": False, "none": None}
    lowered = text.strip().lower()
    if lowered in known:
        return known[lowered]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

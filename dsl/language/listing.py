"""The listing of every word: `python -m dsl.run --words [FAMILY]`."""

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from components.constraints import AtLeast, AtMost, Between, Constraint, MoreThan, MultipleOf, OneOf
from dsl.language.configuration import ConfigError
from dsl.language.operative import default_text
from dsl.language.registry import Vocabulary, vocabulary
from dsl.language.suggest import did_you_mean, listed, nearest
from dsl.language.type_names import UNIONS, describe
from dsl.language.word import Setting, Word

_WIDTH = 100


def listing(family: str | None = None) -> str:
    """Words with their settings, types, defaults and first docstring lines; constants by name.

    Args:
        family: only this family; all of them and the root where left out.

    Raises:
        ConfigError: there is no such family.
    """
    known = vocabulary()
    if family is None:
        families = ["", *known.families]
    elif family in known.families:
        families = [family]
    else:
        families = [_family_of(family, known)]
    return (
        "\n".join(line for name in families for line in _family_lines(name, known)).strip() + "\n"
    )


def _family_of(name: str, known: Vocabulary) -> str:
    """The family of a word that was given in place of a family."""
    if name in known.words:
        return known.words[name].family
    suggestion = did_you_mean(nearest(name, known.families))
    families = listed("Families", known.families)
    raise ConfigError([f"there is no family '{name}'.{suggestion}{families}"])


def _family_lines(family: str, known: Vocabulary) -> Iterator[str]:
    for word in known.words.values():
        if word.family == family:
            yield from _word_lines(word, known)
    constants = [f"%{n}" for n in known.members(family) if n in known.constants] if family else []
    if constants:
        yield f"{family}: {', '.join(constants)}"
        yield ""


def _word_lines(word: Word, known: Vocabulary) -> Iterator[str]:
    yield f"@{word.name}()" if word.family else word.name
    yield f"    {word.summary}"
    rows = [_row(setting, known) for setting in word.settings.values()]
    width = max((len(left) for left, _ in rows), default=0)
    for left, right in rows:
        margin = " " * (width + 6)
        lines = textwrap.wrap(right, _WIDTH, initial_indent=margin, subsequent_indent=margin)
        yield f"    {left:<{width}}  {lines[0].strip()}"
        yield from lines[1:]
    if word.facts:
        yield f"    (worked out by the program: {', '.join(word.facts)})"
    yield ""


def _row(setting: Setting, known: Vocabulary) -> tuple[str, str]:
    default = "(required)" if setting.is_required else f"= {default_text(setting.default, known)}"
    rules = list(_rules(setting.annotation))
    # The options of a text say that it is one.
    kind = (
        [] if any(rule.startswith("one of") for rule in rules) else [describe(setting.annotation)]
    )
    return f"{setting.name} {default}", ", ".join(kind + rules)


def _rules(hint: Any) -> Iterator[str]:
    """The constraints of an annotation in words."""
    if get_origin(hint) is Annotated:
        yield from (_rule(r) for r in get_args(hint)[1:] if isinstance(r, Constraint))
    elif get_origin(hint) in UNIONS:
        for member in get_args(hint):
            yield from _rules(member)


def _rule(constraint: Constraint) -> str:
    match constraint:
        case AtLeast(minimum):
            return f"at least {minimum}"
        case AtMost(maximum):
            return f"at most {maximum}"
        case MoreThan(bound):
            return f"more than {bound}"
        case Between(low, high, is_open):
            return f"between {low} and {high}{', both excluded' if is_open else ''}"
        case MultipleOf(step):
            return f"a multiple of {step}"
        case OneOf(options):
            return f"one of {', '.join(map(repr, options))}"
        case _:
            return repr(constraint)

"""List every word: `python -m dsl.run --words [FAMILY]`."""

import textwrap
from collections.abc import Iterator

from components.constraints import constraints_of
from dsl.language.dump import default_text
from dsl.language.problems import ConfigError, did_you_mean, listed, nearest
from dsl.language.registry import Vocabulary, default_vocabulary
from dsl.language.type_advice import describe, members
from dsl.language.word import Setting, Word

_WIDTH = 100


def listing(family: str | None = None, vocabulary: Vocabulary | None = None) -> str:
    """List words with their settings, types, defaults and summaries, and constants by name.

    Args:
        family: only this family; all of them and the root if not given.
        vocabulary: words to list, by default those of `dsl.vocabulary`.

    Raises:
        ConfigError: there is no such family.
    """
    known = vocabulary or default_vocabulary()
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
    """Return the family of a word that was given in place of a family."""
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
    if word.runtime_arguments:
        yield f"    (worked out by the program: {', '.join(word.runtime_arguments)})"
    yield ""


def _row(setting: Setting, known: Vocabulary) -> tuple[str, str]:
    default = "(required)" if setting.is_required else f"= {default_text(setting.default, known)}"
    rules = [str(c) for hint in members(setting.annotation) for c in constraints_of(hint)]
    # The options of a text say that it is one.
    kind = (
        [] if any(rule.startswith("one of") for rule in rules) else [describe(setting.annotation)]
    )
    return f"{setting.name} {default}", ", ".join(kind + rules)

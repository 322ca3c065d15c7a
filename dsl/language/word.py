"""What a word of the language is: a thing, its choices and its facts, read from its signature."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_Parameter = inspect.Parameter


class WordError(TypeError):
    """A thing that cannot be a word of the language as it is; the message says what to change."""


@dataclass(frozen=True)
class Setting:
    """A choice of a word.

    Attributes:
        name: name of the parameter.
        annotation: its type, with constraints.
        default: value where no gin file sets it; `inspect.Parameter.empty` where one must.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether a gin file must set it."""
        return self.default is _Parameter.empty


@dataclass(frozen=True)
class Word:
    """A class or function that gin files may refer to.

    Attributes:
        name: full name, `family.Word`; the root has no family.
        thing: the class or function.
        settings: choices by name, in the order of the signature.
        facts: names of what the program works out.
    """

    name: str
    thing: Any
    settings: dict[str, Setting]
    facts: tuple[str, ...]

    @property
    def family(self) -> str:
        """What stands before the dot."""
        return self.name.rpartition(".")[0]

    @property
    def short_name(self) -> str:
        """What stands after the dot."""
        return self.name.rpartition(".")[2]

    @property
    def selector(self) -> str:
        """The name by which gin knows it; gin wants a family for everything."""
        return self.name if self.family else f"root.{self.name}"

    @property
    def is_planned(self) -> bool:
        """Whether `@word()` gives a plan; a word without facts gives the thing itself."""
        return bool(self.facts)

    @property
    def defaults(self) -> dict[str, Any]:
        """Defaults by name, required settings left out."""
        return {s.name: s.default for s in self.settings.values() if not s.is_required}

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.thing) or "").strip().split("\n")[0]

    @property
    def makes(self) -> type | None:
        """The class of what `@word()` gives where that is known; None for plans."""
        if self.is_planned:
            return None
        made = self.thing if inspect.isclass(self.thing) else _hints(self.thing).get("return")
        return made if inspect.isclass(made) else None


def read_word(name: str, thing: Any) -> Word:
    """The word that `thing` becomes.

    Raises:
        WordError: no docstring, `*args`, `**kwargs`, or a choice without type or default.
    """
    if not callable(thing):
        raise WordError(f"{name} is {thing!r}, which cannot be called; see constants().")
    if not _docstring(thing):
        raise WordError(f"{name} needs a docstring: its first line is shown by --words.")
    facts, settings, hints = [], {}, _hints(thing)
    for parameter in _parameters(name, thing):
        if parameter.kind is _Parameter.KEYWORD_ONLY and parameter.default is _Parameter.empty:
            facts.append(parameter.name)
        else:
            settings[parameter.name] = _setting(name, thing, parameter, hints)
    return Word(name, thing, settings, tuple(facts))


def _parameters(name: str, thing: Any) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError) as error:
        raise WordError(f"{name} has no signature that Python can read: {error}") from error
    for parameter in parameters:
        if parameter.kind in (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD):
            raise WordError(
                f"{name} takes {parameter}, which would swallow misspelt settings; "
                "write its parameters out."
            )
        if parameter.kind is _Parameter.POSITIONAL_ONLY:
            raise WordError(f"{name} takes {parameter.name!r} by position only; gin needs a name.")
    return parameters


def _setting(name: str, thing: Any, parameter: inspect.Parameter, hints: dict) -> Setting:
    annotation = hints.get(parameter.name, parameter.annotation)
    if annotation is _Parameter.empty:
        raise WordError(f"{name} needs a type for {parameter.name!r}: gin files are checked by it.")
    default = parameter.default
    if default is _Parameter.empty and not _documents(thing, parameter.name):
        raise WordError(
            f"{name} needs a default for {parameter.name!r}. If every gin file must set it, say "
            "what it is in the docstring; if the program works it out, put it after a `*`."
        )
    if isinstance(default, dataclasses.Field) or repr(default) == "<factory>":
        raise WordError(f"{name} makes the default of {parameter.name!r} by a default_factory.")
    return Setting(parameter.name, annotation, default)


def _hints(thing: Any) -> dict[str, Any]:
    target: Callable = thing.__init__ if inspect.isclass(thing) else thing
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # names that exist for type checkers only; such settings go unchecked
        return {}


def _docstring(thing: Any) -> str:
    text = thing.__doc__ or ""
    # Dataclasses without a docstring are given their signature for one.
    generated = inspect.isclass(thing) and text.startswith(f"{thing.__name__}(")
    return "" if generated else text


def _documents(thing: Any, parameter: str) -> bool:
    texts = [_docstring(thing)]
    if inspect.isclass(thing):
        texts.append(thing.__init__.__doc__ or "")
    return any(re.search(rf"^\s*{parameter}\b.*:", text, re.MULTILINE) for text in texts)

"""Words of the language: classes and functions with their settings, read from signatures.

A word with its settings chosen and its runtime arguments still to come is a `Partial`.
"""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from components.constraints import SettingError
from dsl.language.values import prefixed

_Parameter = inspect.Parameter


class WordError(TypeError):
    """An object that cannot be a word of the language as it is; the message says what to change."""


@dataclass(frozen=True)
class Setting:
    """A parameter of a word that gin files set.

    Attributes:
        name: name of the parameter.
        annotation: its type, with constraints.
        default: value if no gin file sets it; `inspect.Parameter.empty` if one must.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Return whether a gin file must set it."""
        return self.default is _Parameter.empty


@dataclass(frozen=True)
class Word:
    """A class or function that gin files may refer to.

    Attributes:
        name: full name, `family.Word`; the root has no family.
        target: the class or function.
        settings: by name, in the order of the signature.
        runtime_arguments: names of the parameters that the program works out.
        made: the class of the finished object; None if it is not known.
    """

    name: str
    target: Any
    settings: dict[str, Setting]
    runtime_arguments: tuple[str, ...]
    made: type | None

    @property
    def family(self) -> str:
        """Return the part before the dot."""
        return self.name.rpartition(".")[0]

    @property
    def short_name(self) -> str:
        """Return the part after the dot."""
        return self.name.rpartition(".")[2]

    @property
    def is_partial(self) -> bool:
        """Return whether `@word()` gives a `Partial`, which waits for runtime arguments."""
        return bool(self.runtime_arguments)

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the defaults by name, without required settings."""
        return {s.name: s.default for s in self.settings.values() if not s.is_required}

    @property
    def summary(self) -> str:
        """Return the first line of the docstring."""
        return (inspect.getdoc(self.target) or "").strip().split("\n")[0]


def read_word(name: str, target: Any) -> Word:
    """Return the word that `target` becomes.

    Raises:
        WordError: no docstring, `*args`, `**kwargs`, a type that cannot be resolved, or a setting
            without type or default.
    """
    if not callable(target):
        raise WordError(f"{name} is {target!r}, which cannot be called; see constants().")
    if not _docstring(target):
        raise WordError(f"{name} needs a docstring: its first line is shown by --words.")
    runtime_arguments, settings, hints = [], {}, _type_hints(name, target)
    for parameter in _parameters(name, target):
        if parameter.kind is _Parameter.KEYWORD_ONLY and parameter.default is _Parameter.empty:
            runtime_arguments.append(parameter.name)
        else:
            settings[parameter.name] = _setting(name, target, parameter, hints)
    made = target if inspect.isclass(target) else hints.get("return")
    made = made if inspect.isclass(made) else None
    return Word(name, target, settings, tuple(runtime_arguments), made)


def _parameters(name: str, target: Any) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(target).parameters.values())
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


def _setting(name: str, target: Any, parameter: inspect.Parameter, hints: dict) -> Setting:
    annotation = hints.get(parameter.name, parameter.annotation)
    if annotation is _Parameter.empty:
        raise WordError(f"{name} needs a type for {parameter.name!r}: gin files are checked by it.")
    default = parameter.default
    if default is _Parameter.empty and not _documents(target, parameter.name):
        raise WordError(
            f"{name} needs a default for {parameter.name!r}. If every gin file must set it, say "
            "what it is in the docstring; if the program works it out, put it after a `*`."
        )
    if isinstance(default, dataclasses.Field) or repr(default) == "<factory>":
        raise WordError(f"{name} makes the default of {parameter.name!r} by a default_factory.")
    return Setting(parameter.name, annotation, default)


def _type_hints(name: str, target: Any) -> dict[str, Any]:
    function = _annotated_function(target)
    hints = {}
    for parameter, hint in getattr(function, "__annotations__", {}).items():
        alone = SimpleNamespace(__annotations__={parameter: hint})
        names = getattr(function, "__globals__", {})
        try:
            hints |= typing.get_type_hints(alone, names, include_extras=True)
        except Exception as error:  # whatever evaluating an annotation raises
            if not _is_installed(function):
                raise WordError(
                    f"{name}: the type {hint!r} of {parameter!r} in "
                    f"{Path(inspect.getfile(function)).name} cannot be resolved ({error}). gin "
                    "files are checked by it: import what it names outside of `if TYPE_CHECKING`."
                ) from error
            hints[parameter] = hint  # nobody can mend it here: what it says is checked as it is
    return hints


def _annotated_function(target: Any) -> Callable:
    if inspect.isclass(target):
        return inspect.unwrap(target.__init__)
    function = inspect.unwrap(target)
    return function if inspect.isroutine(function) else inspect.unwrap(type(function).__call__)


def _is_installed(function: Callable) -> bool:
    """Return whether a function belongs to a library, not to a module of the user's own."""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(inspect.getfile(function)).parts)


def _docstring(target: Any) -> str:
    text = target.__doc__ or ""
    # Dataclasses without a docstring are given their signature for one.
    generated = inspect.isclass(target) and text.startswith(f"{target.__name__}(")
    return "" if generated else text


def _documents(target: Any, parameter: str) -> bool:
    texts = [_docstring(target)]
    if inspect.isclass(target):
        texts.append(target.__init__.__doc__ or "")
    return any(re.search(rf"^\s*{parameter}\b.*:", text, re.MULTILINE) for text in texts)


class PartialError(SettingError):
    """A setting of a partial that turned out wrong once the runtime arguments were known.

    Attributes:
        word: full name of the word.
        scope: scope that it was built in.
    """

    def __init__(self, word: str, scope: str, error: SettingError):
        super().__init__(error.setting, error.problem)
        self.word = word
        self.scope = scope

    def __str__(self) -> str:
        return f"{prefixed(self.scope, self.word)}.{self.setting} {self.problem}"


@dataclass(frozen=True)
class Partial:
    """A constructor with its settings; call it with the runtime arguments to get the object.

    Two partials are equal if they make the same object from the same settings. Partials pickle,
    and nothing of the language has a part in a call.

    Attributes:
        word: full name in the language.
        scope: scope that it was built in; empty if it has none.
        target: class or function.
        settings: value of every setting, defaults included.
    """

    word: str
    scope: str
    target: Any
    settings: Mapping[str, Any] = field(hash=False)

    def __call__(self, **runtime_arguments: Any) -> Any:
        """Make the object.

        Args:
            runtime_arguments: its keyword-only parameters without a default, such as sizes and the
                key.

        Raises:
            PartialError: a setting is impossible together with these arguments.
        """
        try:
            return self.target(**self.settings, **runtime_arguments)
        except PartialError:
            raise  # from a partial inside this one, which knows its own word
        except SettingError as error:
            raise PartialError(self.word, self.scope, error) from error

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"<Partial {prefixed(self.scope, self.word)}({settings})>"

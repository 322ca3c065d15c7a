"""A word whose choices are made and whose facts are still to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.constraints import SettingError
from dsl.language.values import prefixed


class PartialError(SettingError):
    """A setting of a plan turned out wrong once the facts were known.

    Attributes:
        word: full name of the word.
        scope: role it was planned in.
    """

    def __init__(self, word: str, scope: str, error: SettingError):
        super().__init__(error.setting, error.problem)
        self.word = word
        self.scope = scope

    def __str__(self) -> str:
        return f"{prefixed(self.scope, self.word)}.{self.setting} {self.problem}"


@dataclass(frozen=True)
class Partial:
    """A constructor with its choices; call it with the facts to get the thing itself.

    Two plans are equal when they make the same thing from the same settings. Plans pickle, and gin
    has no part in a call.

    Attributes:
        word: full name in the language.
        scope: role it was planned in; empty where it has none.
        thing: class or function.
        settings: value of every choice, defaults included.
    """

    word: str
    scope: str
    thing: Any
    settings: Mapping[str, Any] = field(hash=False)

    def __call__(self, **facts: Any) -> Any:
        """Make the thing.

        Args:
            facts: its keyword-only parameters without a default, such as sizes and the key.

        Raises:
            PartialError: a setting is impossible together with these facts.
        """
        try:
            return self.thing(**self.settings, **facts)
        except PartialError:
            raise  # from a plan inside this one, which knows better
        except SettingError as error:
            raise PartialError(self.word, self.scope, error) from error

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"<plan {prefixed(self.scope, self.word)}({settings})>"

"""A word with its settings chosen and its runtime arguments still to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.constraints import SettingError
from dsl.language.values import prefixed


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

"""The statements of a gin file, each with its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl.language.problems import Location
from dsl.language.values import prefixed

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Binding:
    """`scope/family.Word.setting = value`, or `NAME = value` for a macro.

    Attributes:
        scope: role, or empty.
        word: full name of the word; of the macro where `setting` is empty.
        setting: name of the setting.
        value: literal, reference or name, or a container of them.
        location: where it stands.
    """

    scope: str
    word: str
    setting: str
    value: Any
    location: Location

    @property
    def key(self) -> Key:
        """What it sets: later bindings of the same key replace earlier ones."""
        return self.scope, self.word, self.setting

    @property
    def is_macro(self) -> bool:
        """Whether it defines a macro."""
        return not self.setting

    @property
    def subject(self) -> str:
        """What it sets, as written on the left of `=`."""
        name = f"{self.word}.{self.setting}" if self.setting else self.word
        return prefixed(self.scope, name)


@dataclass(frozen=True)
class Import:
    """`import module`: the one statement that runs code.

    Attributes:
        module: dotted name.
        text: the statement as written.
        folder: folder of the gin file.
        location: where it stands.
    """

    module: str
    text: str
    folder: Path
    location: Location


@dataclass(frozen=True)
class Include:
    """`include 'path'`."""

    path: str
    location: Location


Statement = Binding | Import | Include

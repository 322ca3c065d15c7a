"""Imports packages that only some trackers need, when those are used."""

import importlib
from types import ModuleType

from dsl.errors import UsageError


def import_optional(package: str, word: str, extra: str) -> ModuleType:
    """Import an optional package.

    Args:
        package: its name.
        word: the word that needs it, for the message.
        extra: the extra of this project that installs it.

    Raises:
        UsageError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise UsageError(
            f"@{word}() needs the package {package}, which is not installed. Install it with "
            f"pip install 'kilolayer[{extra}]', or take {word} out of Experiment.trackers."
        ) from error

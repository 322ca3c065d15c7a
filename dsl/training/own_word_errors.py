"""Say which words of the user's own stand behind an error that JAX or this project raised."""

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from dsl.language.configuration import Configuration


def pointing_to_own_words(error: Exception, configuration: Configuration) -> Exception:
    """Return an error with a last line about the user's own words.

    If a line of theirs is in the traceback, the traceback begins there. Otherwise the error is a
    consequence of what one of them returned, and all of them are named.

    Args:
        error: raised while the words of `configuration` were traced.
        configuration: of the experiment.
    """
    own = _first_frame_in(error.__traceback__, _source_files(configuration))
    if own is not None:
        frame = traceback.extract_tb(own)[0]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        error.add_note(f"It was raised in a word of your own: {place}, in {frame.name}.")
        return error.with_traceback(own)
    if words := configuration.own_words():
        error.add_note(
            "No line above is your own. One of your words may have returned something of another "
            f"shape or type than its base class says: {', '.join(words)}."
        )
    return error


def _source_files(configuration: Configuration) -> set[str | None]:
    """Return the files of all modules that the gin files import, and of those inside of them."""
    own = configuration.imported_packages
    return {
        getattr(module, "__file__", None)
        for name, module in sys.modules.items()
        if name.split(".")[0] in own
    }


def _first_frame_in(
    trace: TracebackType | None, files: Iterable[str | None]
) -> TracebackType | None:
    """Return the traceback from its outermost frame in one of the files on; None if none is."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            return trace
        trace = trace.tb_next
    return None

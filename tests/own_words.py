"""Words of a module of one's own, and the pages that explain how to write one."""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vocabularies import as_default, copy_of_default

DOCS = Path(__file__).resolve().parents[1] / "docs"


@contextlib.contextmanager
def forgotten(module: str) -> Iterator[None]:
    """`module` may be imported as a word of this process, and is forgotten afterwards."""
    path = list(sys.path)
    with as_default(copy_of_default()):
        sys.modules.pop(module, None)
        try:
            yield
        finally:
            sys.modules.pop(module, None)
            sys.path[:] = path


@contextlib.contextmanager
def as_written(page: str, module: str, experiment: str, example: int = 0) -> Iterator[None]:
    """The two files of one example on a page of the docs, in the working directory."""
    for language, name in (("python", f"{module}.py"), ("gin", experiment)):
        Path(name).write_text(blocks(page, language)[example])
    with forgotten(module):
        yield


def blocks(page: str, language: str) -> list[str]:
    """What a page of the docs shows in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)

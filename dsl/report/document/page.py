"""The files of a report: figures, tables, and the page that shows them all."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure

from dsl.errors import UsageError
from dsl.records.durable_files import advise_on_write, describe_refused_write, write_atomically
from dsl.report.data.display import markdown_text
from dsl.report.figures.style import RC

PAGE = "report.md"


class Picture(NamedTuple):
    """A file of the report that is looked at.

    Attributes:
        name: without its ending.
        path: where it lies.
    """

    name: str
    path: Path


class Document:
    """The folder of a report, written section by section.

    Args:
        folder: created if missing.
        say: receives a line about every file.

    Raises:
        UsageError: the folder cannot be written.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self.folder = folder
        self.say = say
        self.pictures: list[Picture] = []
        self._page: list[str] = []
        self._guarded(lambda: folder.mkdir(parents=True, exist_ok=True))

    def section(self, title: str, *paragraphs: str) -> None:
        """Add a section of text to the page."""
        self._page += [f"## {title}", *paragraphs]

    def figure(self, name: str, figure: Figure | None, title: str, caption: str) -> None:
        """Save a figure as PNG for the page and as PDF for a paper; skip None."""
        if figure is None:
            return
        path = self.attach(name, figure)
        self.section(title, caption, f"![{title}]({path.name})")
        self.pictures.append(Picture(name, path))
        self.say(f"figure: {path}")

    def attach(self, place: str, figure: Figure) -> Path:
        """Save a figure as PNG and PDF without adding it to the page; `place` has no suffix."""
        path = self.folder / f"{place}.png"
        for kind in (path, path.with_suffix(".pdf")):
            self.write(kind, lambda kind=kind: save_figure(figure, kind))
        return path

    def write(self, path: Path, make: Callable[[], object]) -> None:
        """Call `make`, which writes a file of the report.

        Raises:
            UsageError: it cannot be written.
        """
        self._guarded(lambda: path.parent.mkdir(parents=True, exist_ok=True))
        self._guarded(make)

    def text(self, name: str, content: str) -> None:
        """Write a text file."""
        self._guarded(lambda: write_atomically(self.folder / name, _encodable(content)))
        self.say(f"table: {self.folder / name}")

    def close(self, title: str) -> None:
        """Write the page."""
        page = "\n\n".join([f"# {markdown_text(title)}", *self._page]) + "\n"
        self._guarded(lambda: write_atomically(self.folder / PAGE, _encodable(page)))
        self.say(f"report: {self.folder / PAGE}")

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            refused = describe_refused_write(self.folder, error)
            raise UsageError(f"{refused} {advise_on_write(error)}") from error


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the style of the report, alike every time.

    Raises:
        OSError: it cannot be written.
    """
    with matplotlib.rc_context(RC):
        undated = {"CreationDate": None} if path.suffix == ".pdf" else {}
        figure.savefig(path, metadata=undated)


def _encodable(text: str) -> str:
    """Replace what UTF-8 cannot encode, such as undecodable bytes in the name of a folder."""
    return text.encode(errors="replace").decode()

"""Dependencies run one way, from dsl to components; gin and Aim have one door each."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("dsl/**/*.py"), *ROOT.glob("components/**/*.py")])


def imported(path):
    """Top-level names of the packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_runs_the_right_way(path):
    room, names = path.relative_to(ROOT), set(imported(path))
    if room.parts[0] == "components":
        assert not names & {"dsl", "gin", "aim"}
    if "gin" in names:
        assert room == Path("dsl/language/parse.py")
    if "aim" in names:
        assert room.parts[:2] == ("dsl", "tracking")
    assert not names & {"brax", "flax", "ray"}

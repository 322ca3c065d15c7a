"""gin is behind one door, and is the version that the door was made for."""

import ast
import importlib.metadata
from pathlib import Path

import dsl
from dsl.language import gin_door


def test_gin_is_the_version_whose_private_names_are_used():
    assert importlib.metadata.version("gin-config") == "0.5.0"


def test_only_the_door_imports_gin():
    def imports(path):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or "").split(".")[0]

    files = Path(dsl.__file__).parent.rglob("*.py")
    assert [f.name for f in files if "gin" in imports(f)] == ["gin_door.py"]


def test_statements_before_an_error_are_kept():
    parsed = gin_door.parse("A = 1\nB = 2\n\nC = * 3\nD = 4\n")
    assert [s.selector for s in parsed.statements] == ["A", "B"]
    assert isinstance(parsed.error, SyntaxError)
    assert parsed.error.lineno == 4


def test_dicts_inside_each_other_may_have_the_same_keys():
    parsed = gin_door.parse("A = {'a': {'b': 1}, 'b': [{'b': 2}, ({'a': 3, 'b': 4})]}\n")
    assert parsed.error is None
    assert parsed.statements[0].value == {"a": {"b": 1}, "b": [{"b": 2}, {"a": 3, "b": 4}]}


def test_a_file_of_many_thousand_statements_is_not_read_to_its_end():
    parsed = gin_door.parse("A = 1\n" * 20_000)
    assert isinstance(parsed.error, gin_door.TooManyError)


def test_blocks_are_read_as_their_bindings():
    parsed = gin_door.parse("critic/a.B:\n  c = 1\n  d = @e/f.G()\n")
    keys = [(s.scope, s.selector, s.arg_name) for s in parsed.statements[1:]]
    assert keys == [("critic", "a.B", "c"), ("critic", "a.B", "d")]
    assert str(parsed.statements[2].value) == "@e/f.G()"

"""gin's parser."""

import importlib.metadata

from dsl.language.parse import parse


def test_gin_is_the_version_whose_private_names_are_used():
    assert importlib.metadata.version("gin-config") == "0.5.0"


def test_statements_before_an_error_are_kept():
    parsed = parse("A = 1\nB = 2\n\nC = * 3\nD = 4\n")
    assert [s.selector for s in parsed.statements] == ["A", "B"]
    assert isinstance(parsed.error, SyntaxError)
    assert parsed.error.lineno == 4


def test_dicts_inside_each_other_may_have_the_same_keys():
    parsed = parse("A = {'a': {'b': 1}, 'b': [{'b': 2}, ({'a': 3, 'b': 4})]}\n")
    assert parsed.error is None
    assert parsed.statements[0].value == {"a": {"b": 1}, "b": [{"b": 2}, {"a": 3, "b": 4}]}


def test_blocks_are_read_as_their_bindings():
    parsed = parse("critic/a.B:\n  c = 1\n  d = @e/f.G()\n")
    keys = [(s.scope, s.selector, s.arg_name) for s in parsed.statements[1:]]
    assert keys == [("critic", "a.B", "c"), ("critic", "a.B", "d")]
    assert str(parsed.statements[2].value) == "@e/f.G()"

"""Values as gin text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.language.parse import parse
from dsl.language.values import (
    MacroRef,
    Reference,
    UnwritableError,
    gin_text,
    has_named_keys,
    leaves,
)

names = st.from_regex(r"[A-Z][A-Z0-9_]{0,5}", fullmatch=True)
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
)
references = st.builds(Reference, names.map("f.{}".format), st.just("") | names, st.booleans())
values = st.recursive(
    plain | references | st.builds(MacroRef, names),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text("ab"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(values)
def test_gin_reads_back_what_is_written(value):
    parsed = parse(f"VALUE = {gin_text(value)}\n")
    assert parsed.error is None
    (statement,) = parsed.statements
    assert statement.value == value
    assert repr(statement.value) == repr(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), [len], 1j])
def test_what_gin_cannot_spell_is_refused(value):
    with pytest.raises(UnwritableError):
        gin_text(value)


def test_large_numbers_are_written_in_groups():
    assert gin_text(123456) == "123_456"


def test_leaves_are_found_at_any_depth():
    assert list(leaves({"a": [1, (2, {3: None})]})) == ["a", 1, 2, 3, None]


def test_references_are_no_keys():
    assert has_named_keys([{MacroRef("A"): 1}])
    assert not has_named_keys([{1: MacroRef("A")}])

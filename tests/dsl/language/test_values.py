"""Values as gin text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.language import gin_door
from dsl.language.values import MacroRef, Reference, UnwritableError, gin_text, leaves, malformed

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
    parsed = gin_door.parse(f"VALUE = {gin_text(value)}\n")
    assert parsed.error is None
    (statement,) = parsed.statements
    assert statement.value == value
    assert repr(statement.value) == repr(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), [len], 1j])
def test_what_gin_cannot_spell_is_refused(value):
    with pytest.raises(UnwritableError):
        gin_text(value)


def test_huge_numbers_are_written_without_decimals():
    assert gin_text(2**20000) == hex(2**20000)
    assert gin_text(123456) == "123_456"


def test_leaves_are_found_at_any_depth():
    assert list(leaves({"a": [1, (2, {3: None})]})) == ["a", 1, 2, 3, None]


def test_malformed_values():
    deep = 1
    for _ in range(21):
        deep = [deep]
    assert malformed(deep) == "brackets may be nested 20 deep at most."
    assert malformed([{MacroRef("A"): 1}]) == "the keys of a dict must be numbers or text."
    assert malformed([{1: MacroRef("A")}]) is None

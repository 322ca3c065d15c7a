"""Names that mean something to Markdown, HTML, matplotlib or the file system."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dsl.report.data.display import (
    markdown_code,
    markdown_table,
    markdown_text,
    setting_in_words,
    shortened,
)

NASTY = st.text(
    st.sampled_from("a_$|\\`*[]<>\n\t \u00a0é{}#~&\0\x1b\x85\u2028\ud800\udcff"), max_size=400
)


def test_settings_in_words():
    assert setting_in_words(32_768) == "32,768"
    assert setting_in_words(0.5) == "0.5"
    assert setting_in_words("critic/network.ResidualMLP()") == "ResidualMLP"
    assert setting_in_words("u_maze") == "u_maze"


def test_what_is_too_long_ends_in_a_hash():
    long, other = "x" * 80, "x" * 79 + "y"
    assert len(shortened(long)) == 60
    assert re.fullmatch("x{51}~[0-9a-f]{8}", shortened(long))
    assert shortened(long) != shortened(other)
    assert re.fullmatch("two lines~[0-9a-f]{8}", shortened("two\nlines"))


def test_markup_is_escaped():
    assert markdown_text("a|b\n<i>$x$*") == r"a\|b \<i\>\$x\$\*"
    assert markdown_text("u_maze") == "u_maze"
    assert markdown_text("_a_ __b__ ~c~ &lt;") == r"\_a\_ \_\_b\_\_ \~c\~ \&lt;"
    assert markdown_code("a_b") == "`a_b`"
    assert markdown_code("a|b") == r"a\|b"
    assert markdown_code("a`b") == r"a\`b"
    assert markdown_code("a\u2028\x1bb\udcff") == "`a \ufffdb\ufffd`"


@given(NASTY, NASTY)
def test_a_table_keeps_its_cells(first, second):
    table = markdown_table(["a", "b"], [[markdown_text(first), markdown_code(second)]])
    _, _, row = table.splitlines()
    row.encode()
    assert re.sub(r"\\.", "", row).count("|") == 3


@given(NASTY)
def test_shortened_texts_are_single_lines(text):
    found = shortened(text)
    assert len(found) <= 60
    assert found.splitlines() in ([], [found])
    found.encode()

"""Whatever stands in a gin file: problems or an experiment, never a traceback, never a hang."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy_vocabulary import GOOD

from dsl.language.configuration import ConfigError, load

PIECES = r"""
    @ % () ( ) [ ] { } : = / . - 1e6 1e999 -1 0x0f 1j ' " \ $ ? ! # * ** , ; None True nan
    %gin.REQUIRED @gin.singleton() gin.macro.value __gin__ include import from as Experiment critic
    network energy.Dot WIDTH SEED lambda f'{x}' b'x' r'\d' \u2603
"""
FRAGMENTS = st.sampled_from([*PIECES.split(), "\n", "\n  ", "\t", "\f", "\r", '"' * 3, "'" * 3])
EDITS = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), FRAGMENTS | st.text(max_size=5)),
    min_size=1,
    max_size=6,
)
QUICK = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def outcome(path, overrides=()):
    try:
        configuration = load(path, overrides)
        configuration.build()
    except ConfigError as error:
        problems = error.problems
    else:
        return configuration
    assert problems
    assert not any("\n" in problem for problem in problems)
    return None


@pytest.mark.usefixtures("toy")
@QUICK
@given(EDITS)
def test_edited_files(edits):
    text = GOOD
    for at, removed, fragment in edits:
        text = text[:at] + fragment + text[at + removed :]
    Path("x.gin").write_bytes(text.encode("utf-8", "surrogatepass"))
    configuration = outcome("x.gin")
    if configuration:
        Path("operative.gin").write_text(configuration.operative_text())
        assert load("operative.gin").operative_text() == configuration.operative_text()


@pytest.mark.usefixtures("toy")
@QUICK
@given(st.binary(max_size=200))
@example(b"")
@example(b"\xef\xbb\xbf")
def test_rubbish(content):
    Path("x.gin").write_bytes(content)
    outcome("x.gin")


@pytest.mark.usefixtures("toy")
@QUICK
@given(st.lists(FRAGMENTS | st.text(max_size=8), max_size=4).map("".join))
def test_overrides(value):
    outcome("good.gin", [f"Experiment.note={value}"])
    outcome("good.gin", [value])


HEAVY = {
    "deep brackets": "A = " + "[" * 5_000,
    "deep parentheses": "Experiment.seed = " + "(" * 150 + "1" + ")" * 150,
    "a ring of macros": "".join(f"A{i} = %A{(i + 1) % 100}\n" for i in range(100)),
    "unknown words": "".join(f"netwrk.N{i}.width = {i}\n" for i in range(1_000)),
    "lines that are no statements": "a b c\n" * 1_000,
    "a data file": "1.5,2.5,3.5\n" * 50_000,
    "includes": "include 'good.gin'\n" * 2_000,
}


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
def test_heavy_files_are_answered_within_seconds(text):
    Path("x.gin").write_text(f"include 'good.gin'\n{text}\n")
    start = time.process_time()
    outcome("x.gin")
    assert time.process_time() - start < 5

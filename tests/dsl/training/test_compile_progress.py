"""Programs that are being compiled are shown on a terminal and in a log file."""

import io

import pytest
from terminals import on_terminal

from dsl.training.compile_progress import CompileProgress


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_finished_program_is_told_with_its_seconds(clock):
    stream = io.StringIO()
    progress = CompileProgress(stream, clock)
    with progress.observe("tracing", "collection"):
        clock.now = 1.5
    assert stream.getvalue() == ""
    with progress.observe("compiling", "collection"):
        clock.now = 13.75
    assert stream.getvalue() == "collection: traced in 1.5 s, compiled in 12.2 s\n"


def test_a_log_file_is_reminded_ever_less_often(clock):
    stream = io.StringIO()
    progress = CompileProgress(stream, clock)
    with progress.observe("compiling", "collection"):
        clock.now = 4.0
        with progress.observe("tracing", "evaluation"):
            for second in range(4, 81):
                clock.now = float(second)
                progress.show()
            assert stream.getvalue().splitlines() == [
                "compiling collection (10 s), tracing evaluation (6 s)",
                "compiling collection (20 s), tracing evaluation (16 s)",
                "compiling collection (40 s), tracing evaluation (36 s)",
                "compiling collection (80 s), tracing evaluation (76 s)",
            ]


def test_a_program_that_fails_is_not_told_as_compiled(clock):
    stream = io.StringIO()
    progress = CompileProgress(stream, clock)
    with pytest.raises(ValueError, match="no such operation"):  # noqa: SIM117
        with progress.observe("compiling", "collection"):
            raise ValueError("no such operation")
    clock.now = 10.0
    progress.show()
    assert stream.getvalue() == ""


def test_a_terminal_has_one_line_that_changes_and_goes(clock):
    def compile_one(stream):
        with CompileProgress(stream, clock) as progress, progress.observe("compiling", "actors"):
            clock.now = 3.0
            progress.show()
            clock.now = 30.0
            progress.show()

    *changes, told = on_terminal(40, compile_one).split("\n")[0].split("\r")[:-1]
    assert "compiling actors (3 s)" in changes[-3]
    assert "compiling actors (30 s)" in changes[-2]
    assert told == "actors: compiled in 30.0 s"


def test_a_narrow_terminal_cuts_the_line(clock):
    def compile_one(stream):
        with CompileProgress(stream, clock) as progress, progress.observe("compiling", "actors"):
            progress.show()

    assert "\rcompiling acto\r" in on_terminal(15, compile_one)

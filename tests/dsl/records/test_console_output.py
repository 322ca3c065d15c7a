"""A terminal that refuses a line stops nothing."""

import io
import sys

import pytest

from dsl.records.console_output import write_line
from dsl.tracking.fan_out import report_failure


class Refusing(io.StringIO):
    """Refuses every line, as a pipe that nobody reads does."""

    def write(self, _):
        raise BrokenPipeError(32, "Broken pipe")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [Refusing, closed, lambda: None])
def test_a_stream_that_refuses_output_stops_nothing(monkeypatch, make):
    monkeypatch.setattr(sys, "stderr", make())
    write_line("lost")
    report_failure(object(), BrokenPipeError())


def test_a_line_is_printed(capsys):
    write_line("kept")
    assert capsys.readouterr().err == "kept\n"

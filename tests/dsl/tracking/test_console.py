import io
import itertools

import pytest
from terminals import on_terminal

from dsl.tracking.console import ConsoleTracker
from dsl.tracking.recent_rate import RecentRate


def two_epochs(stream):
    console = ConsoleTracker(1000, stream, itertools.count(0.0, 10.0).__next__)
    console.log({"env_steps": 100})
    console.log({"env_steps": 200, "eval/success_rate": 0.5})
    console.close()


def test_the_rate_leaves_out_the_first_epoch():
    rate = RecentRate()
    rate.update(100, 1000.0)
    assert rate.units_per_second() is None
    assert rate.seconds_for(50) is None
    rate.update(200, 1010.0)
    assert rate.units_per_second() == pytest.approx(10.0)
    assert rate.seconds_for(50) == pytest.approx(5.0)


def test_the_rate_follows_a_change():
    rate = RecentRate(weight=0.5)
    for count, now in [(0, 0.0), (10, 1.0), (20, 2.0), (60, 3.0)]:
        rate.update(count, now)
    # Units 10, 10, 40 with weights 1/4, 1/2, 1; each took one second.
    assert rate.units_per_second() == pytest.approx((2.5 + 5 + 40) / 1.75)


def test_a_clock_that_jumps_back_gives_no_time_left_rather_than_nonsense():
    rate = RecentRate()
    rate.update(0, 10.0)
    rate.update(10, 5.0)
    assert rate.seconds_for(10) is None


def test_a_log_file_gets_a_line_per_percent():
    stream = io.StringIO()
    clock = itertools.count(0.0, 2.0)
    console = ConsoleTracker(10_000, stream, lambda: next(clock))
    for step in range(1, 10_001):
        console.log({"env_steps": step})
    console.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 101
    assert lines[0] == "  0%  1 env steps, time left unknown"
    assert lines[1] == "  1%  100 env steps, 5:30:00 left"
    assert lines[-1] == "100%  10,000 env steps, 00:00 left"


def test_the_bar_moves_inside_an_epoch():
    stream = io.StringIO()
    console = ConsoleTracker(1000, stream, itertools.count(0.0, 10.0).__next__)
    console.progress(100)
    console.progress(200)
    console.log({"env_steps": 300})
    console.progress(350)
    assert [line[:40] for line in stream.getvalue().splitlines()] == [
        " 10%  100 env steps, time left unknown",
        " 20%  200 env steps, 01:20 left",
        " 30%  300 env steps, 01:10 left",
        " 35%  350 env steps, 01:19 left",  # 650 to go at 235.25 in 28.525 s
    ]


def test_a_line_tells_how_it_goes_with_the_latest_evaluation():
    stream = io.StringIO()
    console = ConsoleTracker(1000, stream, itertools.count(0.0, 10.0).__next__)
    evaluation = {"eval/success_rate": 0.125, "eval/time_at_goal": 31.25}
    speed = {"time/env_steps_per_second": 12345.6, "time/updates_per_second": 410.2}
    console.log({"env_steps": 100, **evaluation, **speed})
    console.log({"env_steps": 200, **speed})
    assert stream.getvalue().splitlines()[-1] == (
        " 20%  200 env steps, 01:20 left, success 0.12, time at goal 31.2, "
        "12.3k env steps/s, 410 updates/s"
    )


def test_a_terminal_gets_a_bar():
    empty, first, *_, last, end = on_terminal(120, two_epochs).split("\r")
    assert (empty, end) == ("", "\n")
    assert "compiling" in first
    assert " 20%|" in last
    assert "200/1.00k env steps" in last
    assert "01:20 left, success 0.50" in last


def test_a_terminal_without_width_gets_lines():
    assert on_terminal(0, two_epochs) == (
        " 10%  100 env steps, time left unknown\r\n"
        " 20%  200 env steps, 01:20 left, success 0.50\r\n"
    )

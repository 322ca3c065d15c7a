"""Epochs and steps from the paper's numbers and from short runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.loop.schedule import make_schedule

whole = st.integers(1, 5000)


def test_the_papers_hundred_million_steps():
    schedule = make_schedule(100_000_000, 100, 512, 62, 800, 1000)
    assert schedule.steps_per_iteration == 31_744
    assert schedule.prefill_iterations == 17
    assert schedule.iterations_per_epoch == 32
    assert schedule.epochs == 98
    assert schedule.env_steps(98) == 100_088_832
    assert schedule.updates(98) == 2_508_800


def test_a_short_run_still_has_an_epoch():
    schedule = make_schedule(1, 100, 8, 62, 10, 100)
    assert (schedule.epochs, schedule.iterations_per_epoch) == (1, 1)
    assert schedule.env_steps(1) == 8 * 62 * 3


@given(total=st.integers(1, 10**10), evaluations=whole, envs=whole, unroll=whole, fill=whole)
def test_whole_epochs_reach_the_total_and_waste_less_than_one(
    total, evaluations, envs, unroll, fill
):
    schedule = make_schedule(total, evaluations, envs, unroll, 3, fill)
    assert schedule.epochs <= evaluations
    assert schedule.prefill_iterations * unroll >= fill
    assert schedule.env_steps(schedule.epochs) >= total
    if schedule.epochs > 1:
        assert schedule.env_steps(schedule.epochs - 1) < total


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_steps_do_not_wrap_at_thirty_two_bits(epoch):
    schedule = make_schedule(4 * 10**11, 10, 512, 62, 800, 1000)
    assert schedule.env_steps(epoch) == (17 + epoch * schedule.iterations_per_epoch) * 31_744
    assert schedule.env_steps(10) > 2**38

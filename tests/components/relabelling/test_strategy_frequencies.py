"""How often each goal is drawn, by chi-square on fixed seeds; and settings."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from episodes import PLACES, fill, places, record

from components.constraints import SettingError
from components.relabelling.strategies import (
    Commanded,
    EpisodeState,
    FinalState,
    GeometricFuture,
    Mixture,
    RandomState,
    UniformFuture,
)
from components.replay.batch import Replay
from components.replay.trajectory_buffer import TrajectoryBuffer, TransitionIndex

DRAWS = 20_000
# Rows 0-5, 6-11, 12-17, ... of one env, of which 8-20 are still there; 18-20 are still running.
TIMES = {"whole": 13, "running": 18, "cut": 9}


@pytest.fixture(scope="module")
def counts():
    """How often each row was the goal of each start: counts(word, start) -> (21, 2)."""
    rows = record([[6], [4]], [[False], [True]], 21)
    buffer = TrajectoryBuffer(13)
    replay = Replay(buffer, fill(buffer, rows), PLACES)

    @eqx.filter_jit
    def goals(word, time):
        times, num_envs = jnp.full(DRAWS, time, jnp.int32), jnp.zeros(DRAWS, jnp.int32)
        index = TransitionIndex(times, num_envs, buffer.steps_left(replay.state, times, num_envs))
        return word(replay, index, jax.random.key(5))

    def count(word, start):
        found = np.zeros((21, 2))
        np.add.at(found, places(goals(word, jnp.asarray(TIMES[start], jnp.int32))), 1)
        return found

    return count


def assert_distributed(counts, weights):
    """Pearson's chi-square below its mean plus 4.5 standard deviations; nothing impossible drawn.

    Args:
        counts: of the rows (time, env).
        weights: of these rows, in any unit; 0 elsewhere.
    """
    expected = np.zeros_like(counts)
    for place, weight in weights.items():
        expected[place] = weight
    possible = expected > 0
    expected *= counts.sum() / expected.sum()
    assert (counts[~possible] == 0).all()
    freedom = possible.sum() - 1
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert chi_square < freedom + 4.5 * np.sqrt(2 * max(freedom, 1))


@pytest.mark.parametrize(
    ("start", "ahead"), [("whole", [14, 15, 16, 17]), ("running", [19, 20]), ("cut", [10, 11])]
)
def test_futures(counts, start, ahead):
    uniform = {(time, 0): 1.0 for time in ahead}
    geometric = {(time, 0): 0.7**step for step, time in enumerate(ahead)}
    assert_distributed(counts(UniformFuture(), start), uniform)
    assert_distributed(counts(GeometricFuture(0.7), start), geometric)
    assert_distributed(counts(FinalState(), start), {(ahead[-1], 0): 1.0})


@pytest.mark.parametrize(
    ("start", "rows"),
    [("whole", range(12, 18)), ("running", range(18, 21)), ("cut", range(8, 12))],
)
def test_states_of_an_episode_earlier_ones_included(counts, start, rows):
    assert_distributed(counts(EpisodeState(), start), {(time, 0): 1.0 for time in rows})


def test_random_states_are_uniform_over_all_that_is_left_of_all_lanes(counts):
    everything = {(time, env): 1.0 for time in range(8, 21) for env in range(2)}
    assert_distributed(counts(RandomState(), "whole"), everything)


def test_a_mixture_draws_each_transition_for_itself(counts):
    found = counts(Mixture(FinalState(), UniformFuture(), 0.75), "whole")
    share = {(17, 0): 0.75 + 0.25 / 4, **{(time, 0): 0.25 / 4 for time in (14, 15, 16)}}
    assert_distributed(found, share)


def test_the_coin_of_a_mixture_is_not_that_of_its_parts(counts):
    nested = Mixture(Mixture(FinalState(), UniformFuture(), 0.5), RandomState(), 0.5)
    found = counts(nested, "whole")
    weights = {(time, env): 0.5 / 26 for time in range(8, 21) for env in range(2)}
    for time in (14, 15, 16, 17):
        weights[time, 0] += 0.25 / 4
    weights[17, 0] += 0.25
    assert_distributed(found, weights)


@pytest.mark.parametrize(("share", "time"), [(1.0, 17), (0.0, 13)])
def test_a_share_of_all_or_nothing(counts, share, time):
    class Here(FinalState):
        """The start's own state."""

        def __call__(self, replay, index, key):  # noqa: ARG002
            return replay.achieved_goals(index.time, index.env)

    assert_distributed(counts(Mixture(FinalState(), Here(), share), "whole"), {(time, 0): 1.0})


def test_impossible_settings():
    with pytest.raises(SettingError, match=r"share is 1\.5; it must lie between 0 and 1"):
        Mixture(Commanded(), FinalState(), 1.5)
    with pytest.raises(SettingError, match=r"discount is 0\.0"):
        GeometricFuture(0.0)

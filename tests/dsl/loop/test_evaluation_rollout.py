"""Several evaluations of one run, metrics of one's own, and what chooses the best checkpoint."""

import zlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contrastive import contrastive_with
from jumanji.types import StepType
from probes import Line

from components.actors.action_selection import Sample
from components.constraints import SettingError
from components.losses.actor import LogLikelihood
from components.networks.layers import Dense
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop import evaluation_rollout
from dsl.loop.evaluation_metrics import STANDARD_METRICS, success_rate
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.loop.evaluation_rollout import evaluate
from dsl.loop.training_loop import init_train_state

pytestmark = pytest.mark.usefixtures("quickly_compiled")

LINE = Line()


def distance_travelled(episodes):
    """The sum of all moves of an episode on the line."""
    return jnp.abs(jnp.diff(episodes.observation.state[..., 0], axis=0)).sum(axis=0)


class StartsRight(Line):
    """The line, with the start at 1: inside half of the goals."""

    def reset(self, key):
        state, _ = super().reset(key)
        state = state._replace(x=jnp.ones(1))
        return state, self._timestep(state, jnp.asarray(StepType.FIRST))


class RepeatedStarts(FreshEpisodes):
    """All episodes are the same one."""

    def reset_keys(self, key):
        return jnp.broadcast_to(key, (self.episodes,))


def experiment(**settings):
    policy = contrastive_with(Dense, LogLikelihood(), optax.sgd(1e-2), evaluation_policy=Sample())
    defaults = {"num_envs": 4, "batch_size": 8, "unroll_length": 4, "eval_episodes": 16}
    defaults |= {"environment": LINE, "learner": policy, "buffer": TrajectoryBuffer(20)}
    return Experiment(**{**defaults, **settings})


def measured(experiment, seed=0):
    program = experiment.program()
    state = eqx.filter_jit(init_train_state)(program, jnp.uint32(0))
    metrics, rollout = eqx.filter_jit(evaluate)(program, state.learners, jax.random.key(seed))
    return {name: float(value) for name, value in metrics.items()}, rollout


@pytest.fixture(scope="module")
def both():
    others = {"success_rate": success_rate, "travelled": distance_travelled}
    more = {
        "eval": FreshEpisodes(),
        "other": FreshEpisodes(episodes=8, metrics=others),
        "same": RepeatedStarts(episodes=4),
        "right": FreshEpisodes(environment=StartsRight()),
    }
    return measured(experiment(evaluation=more))


def test_each_evaluation_has_its_own_metrics_and_changes_no_other(both):
    alone, rollout = measured(experiment())
    metrics, same_rollout = both
    assert alone == {f"eval/{name}": metrics[f"eval/{name}"] for name in STANDARD_METRICS}
    np.testing.assert_array_equal(rollout.observation.goal, same_rollout.observation.goal)
    assert {"other/success_rate", "other/travelled"} == {m for m in metrics if "other/" in m}
    assert 0 < metrics["other/travelled"] <= 8 * 0.5
    assert metrics["other/success_rate"] != metrics["eval/success_rate"]


def test_the_share_of_episodes_that_start_inside_the_goal_is_measured(both):
    metrics, _ = both
    assert metrics["eval/success_at_start"] == 0
    key = jax.random.fold_in(jax.random.key(0), zlib.crc32(b"right"))
    starts = jax.vmap(StartsRight().reset)(jax.random.split(key, 16))[1]
    share = np.asarray(starts.extras["success"]).mean()
    assert 0 < share < 1
    assert metrics["right/success_at_start"] == share


def test_a_subclass_chooses_the_starts():
    chosen = experiment(evaluation=RepeatedStarts(), eval_episodes=4)
    goals = measured(chosen)[1].observation.goal
    assert (np.asarray(goals) == np.asarray(goals)[0, 0]).all()


def test_a_metric_of_steps_and_episodes_is_refused():
    by_step = FreshEpisodes(metrics={"distance": lambda episodes: episodes.distance})
    program = experiment(evaluation=by_step).program()
    learners = eqx.filter_eval_shape(init_train_state, program, jnp.uint32(0)).learners
    with pytest.raises(AssertionError, match="metric distance must return a number per episode"):
        eqx.filter_eval_shape(evaluate, program, learners, jax.random.key(0))


def test_actions_and_resets_have_keys_of_their_own(monkeypatch):
    """Were they one stream, episode t would start with the key of the actions at step t."""
    used = set()

    def no_actions(_program, _learners, observation, key):
        jax.debug.callback(lambda data: used.add(tuple(np.asarray(data))), jax.random.key_data(key))
        return jnp.zeros_like(observation.state)

    monkeypatch.setattr(evaluation_rollout, "_evaluation_actions", no_actions)
    measured(experiment(eval_episodes=12), seed=3)
    jax.effects_barrier()
    resets = jax.random.key_data(jax.random.split(jax.random.key(3), 12))
    assert len(used) == LINE.episode_length
    assert not used & {tuple(data) for data in np.asarray(resets)}


def problems(**settings):
    return [str(problem) for problem in experiment(**settings).problems()]


def test_the_best_checkpoint_is_chosen_by_a_metric_that_is_measured():
    assert problems(best_by="-eval/final_distance") == []
    (problem,) = problems(best_by="eval/time_at_gaol")
    assert problem.startswith("best_by is 'eval/time_at_gaol', which no evaluation measures. ")
    assert "Did you mean 'eval/time_at_goal'?" in problem
    (problem,) = problems(evaluation={"far": FreshEpisodes()})
    assert "Did you mean 'far/time_at_goal'?" in problem
    numbers = {"eval/final_distance": 0.25, "eval/time_at_goal": 3.0}
    assert experiment().score(numbers) == 3.0
    assert experiment(best_by="-eval/final_distance").score(numbers) == -0.25


def test_of_several_learners_the_collector_counts_unless_another_is_named():
    one = experiment().learner
    several = {"learner": {"wide": one, "deep": one}, "collector": "deep"}
    assert experiment(**several).best_metric() == "eval/deep/time_at_goal"
    named = experiment(**several, best_by="eval/wide/success_rate")
    assert named.problems() == []
    assert named.best_metric() == "eval/wide/success_rate"


def test_impossible_evaluations_are_named():
    assert problems(evaluation={}) == [
        "evaluation is an empty dict; a run needs at least one evaluation."
    ]
    (problem,) = problems(evaluation={"train": FreshEpisodes()})
    assert problem == "evaluation is called 'train', as other metrics are; rename it."
    with pytest.raises(SettingError, match="metrics is an empty dict"):
        FreshEpisodes(metrics={})
    with pytest.raises(SettingError, match="episodes is 0"):
        FreshEpisodes(episodes=0)

"""The compiled loop on an environment whose best score is known."""

from functools import partial
from types import SimpleNamespace

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contrastive import contrastive_with
from probes import Line

from components.actors.tanh_gaussian import TanhGaussianActor
from components.learners.actor_critic import ActorCritic
from components.learners.temperature import TunedTemperature
from components.losses.actor import LogLikelihood, MaximumEntropy
from components.networks import ResidualMLP
from components.networks.layers import Dense
from components.relabelling.strategies import GeometricFuture
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop import training_loop
from dsl.records.run_folder import RunFolder
from dsl.training import engine
from dsl.training.run_job import RunJob
from dsl.training.starting_point import init_or_resume

pytestmark = pytest.mark.usefixtures("quickly_compiled")

LINE = Line()


def learner(network):
    return contrastive_with(
        *(network, MaximumEntropy(), optax.adam(1e-3)),
        temperature=TunedTemperature,
        temperature_optimiser=optax.adam(1e-3),
    )


# Compiled in a moment; it learns nothing.
LEARNER = learner(Dense)


def experiment(**settings):
    return Experiment(
        buffer=TrajectoryBuffer(200),
        **{
            "learner": LEARNER,
            "environment": LINE,
            "num_envs": 16,
            "total_env_steps": 16 * 10 * 26,
            "batch_size": 64,
            "unroll_length": 10,
            "updates_per_iteration": 20,
            "prefill_steps": 20,
            "evaluations": 4,
            "eval_episodes": 32,
            **settings,
        },
    )


def initial_state(program, seed=0):
    return eqx.filter_jit(training_loop.init_train_state)(program, jnp.uint32(seed))


run_iterations = eqx.filter_jit(training_loop.run_iterations)
end_epoch = eqx.filter_jit(training_loop.end_epoch)


def epoch(program, state, iterations, updates):
    """State and metrics after an epoch."""
    state = run_iterations(program, state, jnp.int32(iterations), jnp.int32(updates))
    state, metrics, _, _ = end_epoch(program, state, jnp.int32(iterations * updates))
    return state, metrics


@pytest.fixture(scope="module")
def start():
    return initial_state(experiment().program())


def filled_buffer(program, state, iterations):
    """State after so many unrolls without an update."""
    return run_iterations(program, state, jnp.int32(iterations), jnp.int32(0))


def train(experiment, folder, log):
    with RunFolder.open(folder) as owned:
        job = RunJob(experiment, {"operative": ""}, owned)
        job.tracker = SimpleNamespace(log=log, progress=lambda _: None)
        state, job.position = init_or_resume(experiment)
        engine.train_run(job, state)
        assert job.wait_until_saved()


def test_the_agent_learns_to_stand_on_its_goal(tmp_path):
    lines = []
    residual = learner(partial(ResidualMLP, width=32, depth=4))
    train(experiment(learner=residual), tmp_path, lines.append)
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3, 4]
    assert [line["env_steps"] for line in lines] == [320, 1280, 2240, 3200, 4160]
    assert [line["updates"] for line in lines] == [0, 120, 240, 360, 480]
    assert np.isnan(lines[0]["train/critic_loss"])
    assert lines[0]["eval/time_at_goal"] < 4
    assert lines[-1]["eval/success_rate"] == 1.0
    assert lines[-1]["eval/final_success"] == 1.0
    assert lines[-1]["eval/time_at_goal"] >= 6
    assert lines[-1]["eval/episode_length"] == 8.0
    assert lines[-1]["train/categorical_accuracy"] > 2 / 64


def test_an_epoch_in_two_parts_is_the_epoch_in_one(start):
    program, updates = experiment().program(), jnp.int32(3)
    whole = run_iterations(program, start, jnp.int32(4), updates)
    part = run_iterations(program, start, jnp.int32(1), updates)
    chex.assert_trees_all_equal(whole, run_iterations(program, part, jnp.int32(3), updates))
    _, metrics, finite, _ = end_epoch(program, whole, jnp.int32(12))
    mean = float(whole.metric_sums["critic_loss"]) / 12
    np.testing.assert_allclose(float(metrics["train/critic_loss"]), mean, rtol=1e-6)
    assert len(finite) > 20
    assert all(finite.values())


def test_filling_the_buffer_changes_no_network(start):
    filled, metrics = epoch(experiment().program(), start, 2, 0)
    chex.assert_trees_all_equal(start.learners, filled.learners)
    assert int(filled.buffer.written) == 20
    assert np.isnan(float(metrics["train/critic_loss"]))


def test_rows_follow_each_other_and_episodes_have_their_own_ids(start):
    filled = filled_buffer(experiment().program(), start, 3)
    rows = jax.tree.map(lambda x: np.asarray(x[:30]), filled.buffer.rows)
    time = np.arange(30)
    # Nine rows an episode: eight actions and the final observation.
    np.testing.assert_array_equal(rows.episode, np.repeat((time // 9)[:, None], 16, axis=1))
    inside = time % 9 < 8
    followed = inside[:-1]
    moved = np.clip(rows.state[:-1] + 0.5 * rows.action[:-1], -2, 2)
    np.testing.assert_allclose(rows.state[1:][followed], moved[followed], atol=1e-6)
    np.testing.assert_array_equal(rows.state[time % 9 == 0], 0.0)
    reached = np.abs(rows.state[1:] - rows.goal[1:])[..., 0] < 0.3
    np.testing.assert_array_equal(rows.reward[:-1][followed], reached[followed])
    assert (rows.goal[:9] == rows.goal[0]).all()
    goals_per_env = [len(np.unique(rows.goal[::9, env])) for env in range(16)]
    assert max(goals_per_env) == 2  # drawn afresh at every reset


def test_fixed_starts_repeat_the_first_goal_of_every_env():
    program = experiment(start_goal="fixed_per_slot").program()
    filled = filled_buffer(program, initial_state(program), 5)
    goals = np.asarray(filled.buffer.rows.goal[:50])
    np.testing.assert_array_equal(goals, np.broadcast_to(goals[0], goals.shape))
    assert len(np.unique(goals[0])) == 2  # envs differ


class Fragile(Line):
    """Its physics breaks at the second step of every episode."""

    def broken(self, state):
        return state.step == 2


def test_broken_physics_is_counted():
    program = experiment(environment=Fragile()).program()
    _, metrics = epoch(program, initial_state(program), 3, 0)
    # 30 rows hold three whole episodes of 9 rows and the first two steps of a fourth.
    assert float(metrics["train/nonfinite_resets"]) == 4 * 16


def imitator():
    return ActorCritic(
        actor=partial(TanhGaussianActor, Dense),
        actor_loss=LogLikelihood(),
        actor_optimiser=optax.adam(1e-3),
        relabelling=GeometricFuture(0.9),
    )


@pytest.fixture(scope="module")
def two_learners():
    """An epoch of a contrastive collector beside an imitator, and one of the collector alone."""
    both = experiment(learner={"imitator": imitator(), "deep": LEARNER}, collector="deep").program()
    alone = experiment().program()
    return [epoch(program, initial_state(program), 3, 2) for program in (both, alone)]


def test_a_second_learner_changes_nothing_for_the_collector(two_learners):
    (both, _), (alone, _) = two_learners
    assert list(both.learners) == ["deep", "imitator"]
    chex.assert_trees_all_equal(both.buffer, alone.buffer)
    chex.assert_trees_all_equal(both.learners["deep"], alone.learners["learner"])


def test_each_learner_is_trained_scored_and_named(two_learners):
    (both, metrics), (_, one) = two_learners
    for name in ("train/critic_loss", "train/actor_loss", "eval/success_rate"):
        subset, metric = name.split("/")
        np.testing.assert_array_equal(metrics[f"{subset}/deep/{metric}"], one[name])
    imitator_metrics = {m for m in metrics if "/imitator/" in m and m.startswith("train/")}
    assert imitator_metrics == {"train/imitator/actor_loss", "train/imitator/actor_grad_norm"}
    assert np.isfinite(float(metrics["eval/imitator/final_distance"]))
    assert both.learners["imitator"].networks.critic is None
    assert int(both.learners["imitator"].updates) == 6


def test_learners_of_one_kind_are_no_copies_of_each_other():
    learners = {"deep": LEARNER, "second": LEARNER}
    program = experiment(learner=learners, collector="deep").program()
    start = initial_state(program)
    assert not alike(start.learners)
    # Alike at first, they draw actions of their own.
    copies = dict.fromkeys(learners, start.learners["deep"])
    start = eqx.tree_at(lambda s: s.learners, start, copies)
    end = run_iterations(program, start, jnp.int32(3), jnp.int32(2))
    assert not alike(end.learners)


def alike(learners):
    deep, second = (jax.tree.leaves(learners[name].networks.actor) for name in ("deep", "second"))
    return all(np.array_equal(one, other) for one, other in zip(deep, second, strict=True))


def test_the_collector_must_be_a_learner():
    wrong = experiment(learner={"deep": LEARNER, "shallow": LEARNER}, collector="deeep")
    assert [str(e) for e in wrong.problems()] == [
        "collector is 'deeep'; the learners are 'deep', 'shallow'."
    ]
    nobody = experiment(learner={})
    assert [str(e) for e in nobody.problems()] == [
        "learner is an empty dict; a run needs at least one learner."
    ]


def test_evaluation_counts_what_its_episodes_show(start):
    program = experiment(eval_episodes=8).program()
    metrics, rollout = eqx.filter_jit(training_loop.evaluate)(
        program, start.learners, jax.random.key(3)
    )
    assert rollout.running.shape == (8, 8)
    x = np.asarray(rollout.observation.state)[..., 0]
    goal = np.asarray(rollout.observation.goal)[..., 0]
    inside = np.abs(x - goal)[1:] < 0.3  # the last step's outcome is not in the rollout
    time_at_goal = float(metrics["eval/time_at_goal"]) * 8
    assert inside.sum() <= time_at_goal <= inside.sum() + 8
    assert float(metrics["eval/success_rate"]) >= inside.any(axis=0).mean()


def test_seeds_differ_and_repeat(start):
    chex.assert_trees_all_equal(start, initial_state(experiment().program()))
    other = initial_state(experiment().program(), 1)
    assert not eqx.tree_equal(start.learners, other.learners)


def test_disagreeing_settings_are_all_named():
    wrong = Experiment(
        environment=LINE,
        learner=LEARNER,
        buffer=TrajectoryBuffer(8),
        eval_environment=LINE,
        num_envs=0,
        unroll_length=62,
    )
    assert [str(error) for error in wrong.problems()] == [
        "num_envs is 0; it must be at least 1.",
        "buffer holds 8 rows per environment, but an episode fills 9 (8 steps and the final "
        "observation). Set its capacity to 9 or more, or the episode_length to 7 or less.",
        "unroll_length is 62, more rows than the buffer holds. Nearest: 8.",
    ]

"""Figures of trained networks, from a checkpoint and from networks with known answers."""

import dataclasses
import json
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from made_up_runs import make_run
from random_modules import filled
from stub_networks import FunctionActor, FunctionCritic

from components.environments.core.goal_environment import EnvState, Observation
from components.environments.tasks.point import point_maze
from components.learners.actor_critic import Networks
from dsl.checkpoint.manager import CheckpointManager
from dsl.cli.report import main
from dsl.language.configuration import load
from dsl.loop.evaluation_rollout import Rollout
from dsl.loop.run_position import RunPosition
from dsl.records.run_folder import RunFolder
from dsl.report.data.comparison import compare_runs
from dsl.report.data.parameters import count_parameters
from dsl.report.data.policies import Trained, longest_success
from dsl.report.data.runs import read_runs
from dsl.report.figures.block_norms import depth_ticks
from dsl.report.figures.embeddings import principal_components
from dsl.report.figures.landscape import value_landscape
from dsl.training.build import build
from dsl.training.policy import Policy

pytestmark = pytest.mark.usefixtures("quickly_compiled")

GIN = """
include 'base/loop.gin'
include 'base/contrastive.gin'
include 'base/point_maze.gin'
NUM_ENVS = 4
BATCH_SIZE = 8
WIDTH = 8
CRITIC_DEPTH = 8
TOTAL_ENV_STEPS = 1_000
env.PointMaze.episode_length = 4
buffer.TrajectoryBuffer.capacity = 100
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    file = tmp_path_factory.mktemp("gin") / "maze.gin"
    file.write_text(GIN)
    configuration = load(file)
    return configuration, build(configuration)


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    """The folder of a run that stopped after an evaluation, its networks random."""
    configuration, built = experiment
    folder = tmp_path_factory.mktemp("runs") / "maze-001"
    with RunFolder.open(folder) as owned:
        owned.describe(
            name="maze",
            config=configuration.source_text(),
            operative=configuration.operative_text(),
            macros=configuration.macros(),
            hyperparameters=configuration.hyperparameters(),
            environment={},
        )
    lines = [{"epoch": i, "env_steps": 500 * i, "eval/time_at_goal": i} for i in range(3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (learner,) = built.learners.values()
    state = filled(lambda key: learner.init(built.environment.dims, key))
    keeper = CheckpointManager(folder, built.checkpoint_policy, {}, print)
    keeper.save_best({"learner": state}, RunPosition(), 1.0)
    keeper.wait_until_written()
    return folder


def test_a_checkpoint_gives_every_figure_and_its_run_keeps_them(run, tmp_path, capsys):
    make_run(tmp_path / "runs" / "bare", [0, 1, 2], name="other")
    assert main([str(run), str(tmp_path / "runs"), "--out", str(tmp_path / "r")]) == 0
    said = capsys.readouterr().out
    names = {"value_landscape", "embeddings", "block_norms"}
    assert names < {path.stem for path in (tmp_path / "r").glob("*.png")}
    alone = tmp_path / "r" / "runs" / "maze-001"
    assert {path.stem for path in alone.glob("*.pdf")} == names
    assert {path.stem for path in alone.glob("*.png")} == {*names, "rollout"}
    film = "" if "no film" in said else "rollout.gif"
    assert film in {"", *(path.name for path in alone.iterdir())}
    page = (tmp_path / "r" / "report.md").read_text()
    assert "](runs/maze-001/rollout.png)" in page
    kept = {path.stem for path in (run / "pictures").iterdir()}
    assert kept == {f"report_{name}" for name in (*names, "rollout", "learning_curves")}
    assert "no run of it has a checkpoint" in said
    assert f"Aim: there is no {run.parent}/.aim" in said


def test_parameters_are_those_that_check_counts(run):
    runs, _ = read_runs([run])
    (group,) = compare_runs(runs, "eval/time_at_goal").groups
    dense = lambda a, b: a * b + b  # noqa: E731
    network = lambda i, d, o: dense(i, 8) + 16 + d * (dense(8, 8) + 16) + dense(8, o)  # noqa: E731
    expected = network(4 + 2, 4, 4) + network(4 + 2, 8, 64) + network(2, 8, 64)
    assert count_parameters(group.scored_runs[0], trust=False) == expected


class Rightwards(NamedTuple):
    """Actions that always push along x."""

    def mode(self):
        return jnp.array([1.0, 0.0])


@FunctionCritic
def distance(state, action, goal):
    return -jnp.linalg.norm(state[:2] - goal) + 100 * action[1] + 10 * jnp.sum(jnp.abs(state[2:]))


def policy_in(experiment, task):
    built = dataclasses.replace(experiment, environment=task)
    networks = Networks(FunctionActor(lambda *_: Rightwards()), distance, None)
    return Policy(networks, built.learners["learner"], built, "learner", None)


def test_a_landscape_of_known_values(experiment):
    """Minus the distance to a goal that is as far from its start as the maze lets it be."""
    found = value_landscape(policy_in(experiment[1], point_maze("u4_maze", 4)))
    assert (found.start.tolist(), found.goal.tolist()) == ([8, 4], [16, 4])
    assert found.symbol == "Q"
    free = found.places.free
    assert np.isnan(found.values[~free]).all()
    x, y = np.meshgrid(found.places.x, found.places.y, indexing="ij")
    expected = -np.hypot(x - 16, y - 4)
    np.testing.assert_allclose(found.values[free], expected[free], rtol=1e-5, atol=1e-5)


def test_a_task_without_a_maze_has_no_landscape(experiment):
    task = point_maze("u_maze", 4)
    task.task = dataclasses.replace(task.task, maze=None)
    assert value_landscape(policy_in(experiment[1], task)) is None


def rollout(xs, goals, running):
    """Episodes along x, (time, episodes)."""
    states = jnp.stack([*jnp.broadcast_arrays(jnp.asarray(xs), 0.0, 0.0, 0.0)], axis=-1)
    goals = jnp.stack([*jnp.broadcast_arrays(jnp.asarray(goals), 0.0)], axis=-1)
    none = EnvState(None, None, None, jnp.zeros(np.shape(xs)))
    return Rollout(none, Observation(states, goals), jnp.asarray(running))


def test_the_episode_that_is_shown(experiment):
    """The longest that came to its goal, up to there; else the one that ended nearest."""
    policy = policy_in(experiment[1], point_maze("u_maze", 4))
    xs = jnp.array([[0.0, 0.0, 0.0], [4.0, 1.0, 1.0], [8.0, 2.0, 3.0], [8.1, 2.0, 9.0]])
    running = jnp.array([[True] * 3] * 3 + [[True, True, False]])
    near_and_far = Trained("", None, policy, rollout(xs, jnp.array([[8.0, 2.0, 9.0]] * 4), running))
    shown = longest_success(near_and_far)
    assert (shown.number, shown.reached, shown.states[:, 0].tolist()) == (0, True, [0, 4, 8])
    never = Trained("", None, policy, rollout(xs, jnp.array([[19.0, 5.0, 5.0]] * 4), running))
    shown = longest_success(never)
    assert (shown.number, shown.reached, shown.states[:, 0].tolist()) == (2, False, [0, 1, 3])


def test_principal_components_are_those_of_the_covariance():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)) + 5
    points, shares = principal_components(vectors)
    variances, directions = np.linalg.eigh(np.cov(vectors.T))
    np.testing.assert_allclose(shares, (variances / variances.sum())[[-1, -2]])
    expected = (vectors - vectors.mean(axis=0)) @ directions[:, [-1, -2]]
    expected *= np.sign(expected[0] * points[0])
    np.testing.assert_allclose(points, expected, atol=1e-9)
    np.testing.assert_array_equal(principal_components(vectors)[0], points)


@pytest.mark.parametrize(
    ("deepest", "expected"),
    [
        (4, [4]),
        (20, [20, 8, 4]),
        (32, [32, 16, 8, 4]),
        (1024, [1024, 256, 64, 16, 4]),
    ],
)
def test_labels_of_layers_have_room(deepest, expected):
    assert depth_ticks(deepest) == expected

"""A run stays in the engine in which it began; a task that names its engine keeps that."""

from dataclasses import replace

import pytest
from probes import Line

from components.environments import ant, point_maze
from components.environments.core.physics.c import C
from components.environments.core.physics.mjx import MJX
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.training.physics_of_run import continue_physics, engine_name

ANT = ant()


@pytest.fixture
def experiment():
    evaluation = {"own": FreshEpisodes(ant(physics=C())), "eval": FreshEpisodes()}
    return Experiment(ANT, {}, TrajectoryBuffer(10), evaluation=evaluation)


def engines(experiment):
    """Of the training task and of the two evaluations."""
    tasks = [experiment.environment, *(e.environment for e in experiment.evaluation_tasks.values())]
    return [type(task.task.physics.chosen_engine()) for task in tasks]


def test_what_is_chosen_here(experiment):
    assert engine_name(experiment) == "C"
    assert engine_name(replace(experiment, environment=point_maze(), evaluation=None)) == "MJX"
    assert engine_name(replace(experiment, environment=Line(), evaluation=None)) is None
    named = replace(experiment, environment=ant(physics=MJX()), evaluation=None)
    assert engine_name(named) == "MJX"


@pytest.mark.parametrize("before", [{}, {"physics": "MJX"}])
def test_a_run_that_began_under_mjx_goes_on_under_it(experiment, before):
    """Checkpoints from before there was a choice do not name an engine."""
    assert engines(experiment) == [C, C, C]
    said = []
    assert engines(continue_physics(experiment, before, said.append)) == [MJX, C, MJX]
    (line,) = said
    assert line == "simulated by physics.MJX, under which the run began; now physics.C is chosen"


def test_nothing_changes_where_the_engine_is_the_same(experiment):
    for metadata in (None, {"physics": "C"}):
        assert continue_physics(experiment, metadata, pytest.fail) is experiment
    nothing = replace(experiment, environment=Line(), evaluation=None)
    assert continue_physics(nothing, {}, pytest.fail) is nothing


def test_a_run_that_began_on_a_cpu_does_not_go_on_elsewhere(experiment, monkeypatch):
    module = "components.environments.core.physics.physics.target_platform"
    monkeypatch.setattr(module, lambda: "gpu")
    with pytest.raises(UsageError, match=r"began under physics\.C, .* runs on a CPU; .* is"):
        continue_physics(replace(experiment, evaluation=None), {"physics": "C"}, pytest.fail)

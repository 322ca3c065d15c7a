"""A learner with networks of its own, from the memory estimate to a loaded policy."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from probes import Line
from traces import limited_traces

import dsl
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.q_ensemble import QEnsemble
from components.learners.implicit_q_learning import ImplicitQLearning
from components.networks import ResidualMLP
from components.optimisers.rated import adam
from components.optimisers.schedules import CosineDecay
from components.relabelling.strategies import UniformFuture
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop import training_loop
from dsl.records.run_folder import OPERATIVE, RunFolder
from dsl.training import engine
from dsl.training.memory import count_bytes, estimate_memory
from dsl.training.run_job import RunJob
from dsl.training.starting_point import init_or_resume

pytestmark = pytest.mark.usefixtures("quickly_compiled")


def learner(width, depth):
    network = partial(ResidualMLP, width=width, depth=depth)
    return ImplicitQLearning(
        actor=partial(TanhGaussianActor, network),
        actor_optimiser=adam(CosineDecay(1e-3)),
        critic=partial(QEnsemble, network),
        critic_optimiser=adam(CosineDecay(1e-3)),
        value=network,
        value_optimiser=adam(3e-4),
        relabelling=UniformFuture(),
    )


EXPERIMENT = Experiment(
    environment=Line(),
    learner=learner(8, 4),
    buffer=TrajectoryBuffer(40),
    num_envs=8,
    total_env_steps=8 * 10 * 4,
    batch_size=16,
    unroll_length=10,
    updates_per_iteration=2,
    prefill_steps=10,
    evaluations=2,
    eval_episodes=4,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The metrics of a whole run, whose update is traced once, and its folder."""
    lines, once = [], limited_traces(training_loop, _traced_update=1)
    with RunFolder.open(tmp_path_factory.mktemp("r")) as own, once:
        job = RunJob(EXPERIMENT, {"operative": ""}, own)
        job.tracker = SimpleNamespace(log=lines.append, progress=lambda _: None)
        state, job.position = init_or_resume(EXPERIMENT)
        engine.train_run(job, state)
        assert job.wait_until_saved()
        (own.path / OPERATIVE).write_text("")
    return lines, own.path


def test_activations_are_those_of_four_networks():
    width, depth = 32, 32
    memory = estimate_memory(replace(EXPERIMENT, learner=learner(width, depth), batch_size=256))
    # V, two critics and the actor keep one value per dense layer, and one per block of four.
    kept = 4 * 1.25 * depth * 256 * width * 4
    assert memory.activations == pytest.approx(kept, rel=0.2)


def test_every_network_is_trained_recorded_and_loaded(finished):
    (before, *after), folder = finished
    assert [line["updates"] for line in after] == [4, 8]
    for name in ("value", "critic", "actor"):
        assert np.isnan(before[f"train/{name}_loss"])
        assert all(np.isfinite(line[f"train/{name}_loss"]) for line in after)
    rates = [[line[f"train/{n}_learning_rate"] for n in ("actor", "value")] for line in after]
    np.testing.assert_allclose(rates, [[5e-4, 3e-4], [0, 3e-4]], rtol=1e-5)
    policy = dsl.load_policy(folder, experiment=EXPERIMENT)
    assert policy([[0.0], [1.0]], [1.0]).shape == (2, 1)
    sizes = estimate_memory(EXPERIMENT)
    networks = count_bytes((policy.networks, policy.networks.critic))
    assert sizes.parameters == networks  # one target critic
    assert sizes.updates == 2 * count_bytes(policy.networks)

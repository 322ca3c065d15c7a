"""Nothing is traced twice: for deep networks it takes seconds, and compiling what it gives more."""

import shutil
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import Line
from traces import limited_traces

from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.learners.actor_critic import ActorCritic
from components.learners.temperature import TunedTemperature
from components.losses.actor import MaximumEntropy
from components.losses.contrastive import InfoNCE
from components.networks.layers import Dense
from components.relabelling.strategies import GeometricFuture
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.checkpoint.run_checkpoints import list_policies
from dsl.experiment import Experiment
from dsl.loop import multi_seed, training_loop
from dsl.loop.execution import FusedExecution
from dsl.records.run_folder import OPERATIVE, RunFolder
from dsl.training import engine, policy
from dsl.training.run_job import RunJob
from dsl.training.starting_point import init_or_resume

pytestmark = pytest.mark.usefixtures("quickly_compiled")

EXPERIMENT = Experiment(
    environment=Line(),
    learner=ActorCritic(
        actor=partial(TanhGaussianActor, Dense),
        critic=partial(ContrastiveCritic, Dense, Dense),
        critic_loss=InfoNCE(),
        actor_loss=MaximumEntropy(),
        relabelling=GeometricFuture(0.9),
        actor_optimiser=optax.adam(1e-3),
        critic_optimiser=optax.adam(1e-3),
        temperature=TunedTemperature,
        temperature_optimiser=optax.adam(1e-3),
    ),
    buffer=TrajectoryBuffer(40),
    num_envs=4,
    total_env_steps=4 * 10 * 5,
    batch_size=8,
    unroll_length=10,
    updates_per_iteration=2,
    prefill_steps=10,
    evaluations=2,
    eval_episodes=4,
    checkpoint_epochs=1,
)
PROGRAM = EXPERIMENT.program()
OPERATIVE_TEXT = "Experiment.seed = 0\n"
ONCE_A_RUN = ("run_iterations", "collect_unroll", "insert_and_update", "end_epoch", "evaluate")


def train(folder):
    """Train to the end, from the newest checkpoint if there is one; return the epochs recorded."""
    lines = []
    with RunFolder.open(folder) as owned:
        job = RunJob(EXPERIMENT, {"operative": OPERATIVE_TEXT}, owned)
        job.tracker = SimpleNamespace(log=lines.append, progress=lambda _: None)
        state, job.position = init_or_resume(EXPERIMENT, job.checkpoints)
        engine.train_run(job, state)
        assert job.wait_until_saved()
        (owned.path / OPERATIVE).write_text(OPERATIVE_TEXT)
    return [line["epoch"] for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run that has lost its last checkpoint and was resumed."""
    folder = tmp_path_factory.mktemp("run")
    with limited_traces(training_loop, _traced_update=1, **dict.fromkeys(ONCE_A_RUN, 2)):
        training_loop.abstract_train_state(PROGRAM)  # as when an experiment is built
        assert train(folder) == [0, 1, 2]
        shutil.rmtree(sorted((folder / "checkpoints").glob("iteration_*"))[-1])
        assert train(folder) == [2]
    return folder


def test_a_policy_is_traced_once_for_all_checkpoints(folder):
    with limited_traces(policy, _act=1, evaluate=1):
        for number, place in enumerate(list_policies(folder)):
            loaded = policy.load_policy(place, experiment=EXPERIMENT)
            loaded([[0.0], [0.5]], [1.0])
            loaded(np.zeros((2, 1)), np.ones((2, 1)), jax.random.key(1))
            loaded(jnp.zeros((1, 2, 1)), jnp.ones(1))
            policy.play(loaded, episodes=2, seed=number)
    assert number > 0


def test_seeds_together_are_traced_as_one():
    with limited_traces(training_loop, _traced_update=1, **dict.fromkeys(ONCE_A_RUN, 1)):
        states = multi_seed.init_seeds(PROGRAM, [0, 1])
        loop = FusedExecution(PROGRAM, states, multi_seed.vmap_over_seeds)
        for _ in range(2):
            states, *_ = loop.end_epoch(loop.run_iterations(states, 2, 2), 4)
    with limited_traces(multi_seed, _index_leaves=1):
        one, other = (multi_seed.select_seed(states, seed) for seed in (0, 1))
    assert (int(one.iteration), int(other.iteration)) == (4, 4)

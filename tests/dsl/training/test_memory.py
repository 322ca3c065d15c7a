"""The estimate of memory against what the compiled loop asks for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import pytest
from contrastive import contrastive
from probes import Line

from components.losses.actor import MaximumEntropy
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop import execution, training_loop
from dsl.training.memory import estimate_memory

EXPERIMENT = Experiment(
    environment=Line(),
    learner=contrastive(128, 16, MaximumEntropy(), optax.adam(1e-3)),
    buffer=TrajectoryBuffer(100),
    num_envs=8,
    batch_size=256,
    unroll_length=10,
    eval_episodes=8,
)


@pytest.fixture
def start():
    """Only its sizes matter, so that what makes it need not be fast."""
    jax.config.update("jax_disable_most_optimizations", True)
    init = eqx.filter_jit(training_loop.init_train_state)
    state = init(EXPERIMENT.program(), jnp.zeros((), jnp.uint32))
    jax.config.update("jax_disable_most_optimizations", False)
    return state


def test_the_estimate_is_within_a_fifth_of_what_is_used(start):
    """Of the larger of the two programs of a run."""
    fixed = (EXPERIMENT.program(), *execution._as_arrays(1, 1))
    lowered = execution._lower(training_loop.run_iterations, fixed, start)
    needs = lowered.compile().compiled.memory_analysis()
    used = needs.argument_size_in_bytes + needs.temp_size_in_bytes
    expected = estimate_memory(EXPERIMENT)
    assert expected.activations > expected.parameters > expected.replay
    assert sum(expected) == pytest.approx(used, rel=0.2)

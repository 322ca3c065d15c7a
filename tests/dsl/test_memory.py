"""The estimate of memory against what the compiled loop asks for."""

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import optax
import pytest
from probes import Line

from components.actors import TanhGaussianActor
from components.buffers import TrajectoryBuffer
from components.critics import ContrastiveCritic
from components.goals import GeometricFuture
from components.learner import ActorCritic
from components.losses.actor import MaximumEntropy
from components.losses.contrastive import InfoNCE
from components.networks import ResidualMLP
from dsl import loop
from dsl.execution import Together
from dsl.experiment import Experiment
from dsl.memory import estimate, state_shape

NETWORK = partial(ResidualMLP, width=128, depth=16)
EXPERIMENT = Experiment(
    environment=Line(),
    learner=ActorCritic(
        actor=partial(TanhGaussianActor, NETWORK),
        critic=partial(ContrastiveCritic, NETWORK, NETWORK),
        critic_loss=InfoNCE(),
        actor_loss=MaximumEntropy(),
        relabelling=GeometricFuture(0.9),
        actor_optimiser=optax.adam(1e-3),
        critic_optimiser=optax.adam(1e-3),
    ),
    buffer=TrajectoryBuffer(100),
    num_envs=8,
    batch_size=256,
    unroll_length=10,
    eval_episodes=8,
)


def test_the_estimate_is_within_a_fifth_of_what_is_used():
    program = EXPERIMENT.program()
    progress = eqx.filter_jit(loop.begin)(program, jnp.zeros((), jnp.uint32))
    compiled = Together(program, progress)._advance.compiled
    needs = compiled.memory_analysis()
    used = needs.argument_size_in_bytes + needs.temp_size_in_bytes
    expected = estimate(EXPERIMENT, state_shape(EXPERIMENT))
    assert expected.activations > expected.parameters > expected.replay
    assert sum(expected) == pytest.approx(used, rel=0.2)

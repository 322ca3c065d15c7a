"""Which places of a learner may stay empty."""

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import optax
import pytest

from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.constraints import SettingError
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.learners.target_networks import Polyak
from components.learners.temperature import TunedTemperature
from components.losses.actor import DeterministicGradient, LogLikelihood
from components.losses.td import ClippedDoubleQ
from components.networks.layers import Dense
from components.relabelling.strategies import Commanded
from components.replay.batch import Batch

FULL = {
    "actor": partial(DeterministicActor, Dense),
    "actor_loss": DeterministicGradient(),
    "actor_optimiser": optax.sgd(0.1),
    "relabelling": Commanded(),
    "critic": partial(QEnsemble, Dense),
    "critic_loss": ClippedDoubleQ(),
    "critic_optimiser": optax.sgd(0.1),
    "target": Polyak(),
}


def test_imitation_needs_no_critic(key):
    learner = ActorCritic(
        actor=partial(TanhGaussianActor, Dense),
        actor_loss=LogLikelihood(),
        actor_optimiser=optax.adam(1e-2),
        relabelling=Commanded(),
    )
    column, numbers = jnp.linspace(-0.8, 0.8, 8)[:, None], jnp.ones(8)
    batch = Batch(column, column, column, column, column, numbers, numbers)
    state = eqx.filter_jit(learner.init)(EnvDims(1, 1, 1), key)
    update, losses = eqx.filter_jit(learner.update), []
    for _ in range(3):
        state, metrics = update(state, batch, key)
        losses.append(float(metrics["actor_loss"]))
    assert set(metrics) == {"actor_loss", "actor_grad_norm"}
    assert losses[2] < losses[0]
    assert state.networks.critic is None
    assert state.targets is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"policy_delay": 0}, "policy_delay is 0"),
        ({"critic_optimiser": None}, "critic_optimiser is missing: this learner has a critic"),
        ({"temperature": TunedTemperature}, "temperature_optimiser is missing"),
        (
            {"critic": None, "critic_loss": None, "critic_optimiser": None},
            "target follows a critic, but this learner has none",
        ),
    ],
)
def test_places_that_need_each_other(settings, problem):
    with pytest.raises(SettingError, match=problem):
        ActorCritic(**{**FULL, **settings})

"""Losses name the classes of networks that they train, and others are refused with the reason."""

from functools import partial
from typing import Any

import equinox as eqx
import optax
import pytest
from stub_networks import FunctionActor, FunctionCritic

from components.actors.action_selection import BestOf, Mode, Sample
from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.compatibility import needed_classes, require_fit
from components.constraints import SettingError
from components.critics.contrastive import ContrastiveCritic
from components.critics.q_ensemble import QEnsemble
from components.env_dims import EnvDims
from components.learners.actor_critic import ActorCritic
from components.losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from components.losses.c_learning import CLearning
from components.losses.contrastive import EmbeddingPenalty, InfoNCE
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.networks.layers import Dense
from components.protocols import (
    Actor,
    Critic,
    CriticLoss,
    EnsembleCritic,
    PairCritic,
    StochasticActor,
)
from components.relabelling.strategies import Commanded

STOCHASTIC, DETERMINISTIC = partial(TanhGaussianActor, Dense), partial(DeterministicActor, Dense)
CONTRASTIVE, Q = partial(ContrastiveCritic, Dense, Dense), partial(QEnsemble, Dense)


@pytest.mark.parametrize(
    ("user", "needed"),
    [
        (InfoNCE(), {"critic": PairCritic}),
        (EmbeddingPenalty(InfoNCE()), {"critic": PairCritic}),
        (SoftBellman(), {"actor": StochasticActor, "critic": EnsembleCritic}),
        (ClippedDoubleQ(), {"actor": Actor, "critic": EnsembleCritic}),
        (CLearning(), {"actor": Actor, "critic": EnsembleCritic}),
        (MaximumEntropy(), {"actor": StochasticActor, "critic": Critic}),
        (DeterministicGradient(), {"actor": Actor, "critic": Critic}),
        (LogLikelihood(), {"actor": StochasticActor}),
        (Sample(), {"actor": Actor}),
        (BestOf(), {"actor": Actor, "critic": Critic}),
        (None, {}),
    ],
)
def test_needs_are_read_from_annotations(user, needed):
    assert needed_classes(type(user)) == needed


def start(key, **settings):
    """The state of a learner whose places are filled by `settings`."""
    given = {
        "actor": STOCHASTIC,
        "actor_loss": MaximumEntropy(),
        "actor_optimiser": optax.sgd(0.1),
        "critic": CONTRASTIVE,
        "critic_loss": InfoNCE(),
        "critic_optimiser": optax.sgd(0.1),
        "relabelling": Commanded(),
        **settings,
    }
    return eqx.filter_eval_shape(ActorCritic(**given).init, EnvDims(2, 1, 1), key)


NO_CRITIC = {"critic": None, "critic_loss": None, "critic_optimiser": None}


@pytest.mark.parametrize(
    ("settings", "setting", "problem"),
    [
        (
            {"critic": Q},
            "critic_loss",
            "is InfoNCE; its critic must be a PairCritic, but QEnsemble",
        ),
        (
            {"actor": DETERMINISTIC},
            "actor_loss",
            "is MaximumEntropy; its actor must be a StochasticActor, but Determ",
        ),
        (
            {"actor": DETERMINISTIC, "actor_loss": DeterministicGradient(), "critic": Q}
            | {"critic_loss": SoftBellman()},
            "critic_loss",
            "is SoftBellman; its actor must be a StochasticActor, but Determ",
        ),
        (NO_CRITIC, "actor_loss", "is MaximumEntropy; its critic must be a Critic, but there is"),
        (
            NO_CRITIC | {"actor_loss": LogLikelihood(), "evaluation_policy": BestOf()},
            "evaluation_policy",
            "is BestOf; its critic must be a Critic, but there is none.",
        ),
    ],
)
def test_a_learner_whose_parts_do_not_fit_is_refused_with_the_reason(
    settings, setting, problem, key
):
    with pytest.raises(SettingError) as error:
        start(key, **settings)
    assert error.value.setting == setting
    assert error.value.problem.startswith(problem)


def test_classes_that_fit_are_named(key):
    with pytest.raises(SettingError, match=r"Classes that fit: .*ContrastiveCritic"):
        start(key, critic=Q)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"critic": Q, "critic_loss": CLearning()},
        {"critic_loss": SoftBellman()},
        {"actor": DETERMINISTIC, "actor_loss": DeterministicGradient()},
        NO_CRITIC | {"actor_loss": LogLikelihood(), "evaluation_policy": Mode()},
    ],
)
def test_learners_whose_parts_fit_are_made(settings, key):
    assert start(key, **settings).networks.actor is not None


def test_any_critic_fits_a_loss_that_asks_for_none_in_particular():
    class OwnLoss(CriticLoss):
        def __call__(self, critic: Any, batch, frozen, key):
            raise NotImplementedError

    require_fit("critic_loss", OwnLoss(), actor=FunctionActor(abs), critic=FunctionCritic(abs))


def test_a_name_that_no_annotation_resolves_is_an_error_and_no_silence():
    class OwnLoss(CriticLoss):
        def __call__(self, critic: "NoSuchCritic", batch, frozen, key):
            raise NotImplementedError

    with pytest.raises(NameError, match="NoSuchCritic"):
        needed_classes(OwnLoss)

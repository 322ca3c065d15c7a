"""Losses on networks of another class are refused when a file is loaded."""

from typing import Any

import pytest
from vocabularies import copy_of_default

from components.critics.q_ensemble import QEnsemble
from components.protocols import Critic
from dsl.language.configuration import ConfigError, load

QUICKSTART = "include 'quickstart.gin'\n"
Q_ENSEMBLE = (
    "learner.ActorCritic.critic = @critic.QEnsemble()\n"
    "critic.QEnsemble.network = @critic/network.ResidualMLP()\n"
)


def problems_of(tmp_path, text, vocabulary=None):
    file = tmp_path / "mine.gin"
    file.write_text(QUICKSTART + text)
    try:
        load(file, vocabulary=vocabulary)
    except ConfigError as error:
        return error.problems
    return []


def test_a_pair_loss_on_an_ensemble(tmp_path):
    (problem,) = problems_of(tmp_path, Q_ENSEMBLE)
    assert "learner.ActorCritic.critic_loss is InfoNCE; its critic must be a PairCritic" in problem
    # Classes of other tests may follow.
    assert "but QEnsemble is not one. Classes that fit: ContrastiveCritic" in problem


def test_a_loss_of_densities_on_a_deterministic_actor(tmp_path):
    text = (
        "learner.ActorCritic.actor = @actor.DeterministicActor()\n"
        "actor.DeterministicActor.network = @actor/network.ResidualMLP()\n"
    )
    (problem,) = problems_of(tmp_path, text)
    assert "its actor must be a StochasticActor, but DeterministicActor is not one" in problem


def test_a_selection_by_a_critic_that_is_not_there(tmp_path):
    text = "learner.ActorCritic.evaluation_policy = @action_selection.BestOf()\n"
    assert problems_of(tmp_path, text) == []
    without = "".join(f"learner.ActorCritic.{n} = None\n" for n in ("critic", "critic_loss"))
    problems = problems_of(tmp_path, text + without)
    assert any("is BestOf; its critic must be a Critic, but there is none." in p for p in problems)


def narrow(*, dims: Any, key: Any) -> QEnsemble:
    """Make a critic and say which."""
    raise NotImplementedError


def wide(*, dims: Any, key: Any) -> Critic:
    """Make a critic and say no more."""
    raise NotImplementedError


@pytest.mark.parametrize(("word", "fits"), [("narrow", False), ("wide", True)])
def test_a_function_may_promise_less_than_it_makes(tmp_path, word, fits):
    known = copy_of_default()
    known.add_family("critic", narrow, wide)
    text = f"learner.ActorCritic.critic = @critic.{word}()\n"
    assert (problems_of(tmp_path, text, known) == []) is fits


def test_the_old_family_of_action_selection_works_with_a_notice(tmp_path):
    file = tmp_path / "mine.gin"
    file.write_text(QUICKSTART + "learner.ActorCritic.evaluation_policy = @acting.Mode()\n")
    (notice,) = load(file).notices
    assert "acting.Mode is now called action_selection.Mode" in notice

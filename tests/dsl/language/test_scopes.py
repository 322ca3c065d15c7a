"""Scopes of references: misspelt ones are refused, and those without settings are told."""

import pytest

from dsl.language.configuration import load
from dsl.language.problems import similar_scope


@pytest.mark.parametrize("scope", ["cirtic", "critc", "ccritic", "critik", "Critic", "critic2x"])
def test_a_misspelt_scope_of_a_reference(problems, scope):
    (problem,) = problems(f"Experiment.critic = @{scope}/critic.Critic()\n")
    assert problem == (
        f"x.gin:2: nothing is set for the scope '{scope}'. Did you mean 'critic'? If it is another "
        f"one, set something for it: {scope}/critic.Critic.encoder = ..."
    )


def test_it_is_accepted_once_something_is_set_for_it(problems):
    text = "Experiment.critic = @critics/critic.Critic()\ncritics/network.Network.depth = 4\n"
    assert problems(text) == []


def test_inside_a_macro_a_container_or_an_override(problems):
    assert len(problems("NET = @actr/network.Network()\nExperiment.actor = %NET\n")) == 1
    assert len(problems("", "Experiment.actor=@actr/network.Network()")) == 1


def test_a_scope_like_no_other_has_defaults_only(problems):
    assert problems("Experiment.actor = @policy/network.Network()\n") == []
    assert load("x.gin").default_scopes() == {"policy": ["policy/network.Network"]}
    assert load("good.gin").default_scopes() == {}


@pytest.mark.parametrize(
    ("scope", "known", "found"),
    [
        ("critic2", ["critic1"], None),
        ("critic1", ["actor"], None),
        ("critic/phi", ["critic"], None),
        ("critic/phii", ["critic/phi", "critic"], "critic/phi"),
        ("cirtic/phi", ["critic/phi"], "critic/phi"),
        ("deep", ["shallow", "dep"], "dep"),
    ],
)
def test_similar_scopes(scope, known, found):
    assert similar_scope(scope, known) == found

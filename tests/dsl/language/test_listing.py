"""The listing of words."""

import pytest
from vocabularies import copy_of_default

from components.constraints import constraints_of
from dsl.language.configuration import ConfigError
from dsl.language.listing import listing
from dsl.language.type_advice import members

pytestmark = pytest.mark.usefixtures("toy")


def test_a_family_is_listed_with_settings_defaults_types_and_facts():
    assert (
        listing("network")
        == """\
@network.Network()
    A network that remembers what it was made with.
    width = 256                     a whole number, at least 1
    depth = 4                       a whole number, a multiple of 4
    activation = %activation.swish  a word or function
    normalise = True                True or False
    (worked out by the program: in_size, key)
"""
    )


def test_required_settings_and_constants():
    assert "    encoder (required)" in listing("critic")
    assert listing("activation") == "activation: %activation.swish, %activation.relu\n"


def test_everything_begins_with_the_root():
    text = listing()
    assert text.startswith("Experiment\n    Everything of a run.\n")
    families = ("@env.Maze()", "@critic.Critic()", "@energy.Dot()", "%activation.relu")
    assert all(name in text for name in families)


def test_a_word_may_stand_for_its_family():
    assert listing("energy.Dot") == listing("energy")


def test_an_unknown_family():
    with pytest.raises(ConfigError) as found:
        listing("netwrk")
    assert found.value.problems == [
        "there is no family 'netwrk'. Did you mean 'network'? "
        "Families: env, network, critic, energy, optimiser, activation."
    ]


def test_every_constraint_of_every_word_is_put_in_words():
    for word in copy_of_default().words.values():
        for setting in word.settings.values():
            for rule in (
                c for member in members(setting.annotation) for c in constraints_of(member)
            ):
                assert str(rule) != repr(rule), f"{word.name}.{setting.name}: {type(rule).__name__}"

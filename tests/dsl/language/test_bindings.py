"""Settings that go by an old name."""

from pathlib import Path

import pytest

from dsl.language.configuration import load
from dsl.language.registry import WordError


@pytest.fixture(autouse=True)
def renamed(toy):
    """`width` was called `units` and `seed` was called `number`."""
    toy.rename_settings("network.Network", units="width")
    toy.rename_settings("Experiment", number="seed")
    return toy


def loaded(text, *overrides):
    Path("x.gin").write_text(f"include 'good.gin'\n{text}")
    return load("x.gin", overrides)


NOTICE = "is now called {}; the old name works until the next release."


def test_an_old_name_sets_the_current_setting():
    configuration = loaded("critic/network.Network.units = 8\nExperiment.number = 5")
    experiment = configuration.build()
    assert experiment.critic.settings["encoder"].settings["width"] == 8
    assert experiment.seed == 5
    assert configuration.notices == [
        "x.gin:2: critic/network.Network.units " + NOTICE.format("width"),
        "x.gin:3: Experiment.number " + NOTICE.format("seed"),
    ]


def test_an_old_name_in_an_included_file_or_on_the_command_line_counts_too():
    Path("base.gin").write_text("include 'good.gin'\nactor/network.Network.units = 8\n")
    Path("top.gin").write_text("include 'base.gin'\nactor/network.Network.width = 9\n")
    configuration = load("top.gin", ["Experiment.number=5"])
    assert configuration.build().actor.settings["width"] == 9
    assert configuration.build().seed == 5
    assert configuration.notices == [
        "base.gin:2: actor/network.Network.units " + NOTICE.format("width"),
        "--set Experiment.number=5: Experiment.number " + NOTICE.format("seed"),
    ]


def test_what_is_written_down_has_current_names_alone():
    text = loaded("actor/network.Network.units = 8").operative_text()
    assert "units" not in text
    stored = text.replace("actor/network.Network.width", "actor/network.Network.units")
    Path("operative.gin").write_text(stored)
    assert load("operative.gin").operative_text() == text


def test_a_file_without_old_names_has_no_notices():
    assert loaded("").notices == []


def test_an_old_name_beside_the_current_one_is_refused(problems):
    text = "actor/network.Network.units = 8\nactor/network.Network.width = 8"
    assert problems(text) == [
        "x.gin:2: actor/network.Network.units is now called width, which is set at x.gin:3 too. "
        "Remove one of the two."
    ]


def test_old_names_of_words_are_replaced_on_both_sides(renamed):
    renamed.rename_words({"power.L2": "energy.NegativeL2"})
    text = "critic.Critic.energy = @power.L2()\npower.L2.epsilon = 0.5"
    configuration = loaded(text)
    assert configuration.build().critic.settings["energy"].epsilon == 0.5
    assert configuration.notices == [
        "x.gin:2: power.L2 " + NOTICE.format("energy.NegativeL2"),
        "x.gin:3: power.L2 " + NOTICE.format("energy.NegativeL2"),
    ]
    with pytest.raises(WordError, match="there is no word"):
        renamed.rename_words({"power.L2": "energy.L2"})
    with pytest.raises(WordError, match="still registered"):
        renamed.rename_words({"energy.Dot": "energy.NegativeL2"})


def test_a_wrong_value_under_an_old_name_is_located(problems):
    assert problems("Experiment.number = -1") == [
        "x.gin:2: Experiment.seed is -1; it must be at least 0."
    ]


def test_the_registry_refuses_names_that_cannot_be_renamed(renamed):
    with pytest.raises(WordError, match="not registered"):
        renamed.rename_settings("network.Nothing", units="width")
    with pytest.raises(WordError, match="no setting 'breadth'"):
        renamed.rename_settings("network.Network", units="breadth")
    with pytest.raises(WordError, match="still has the setting 'depth'"):
        renamed.rename_settings("network.Network", depth="width")

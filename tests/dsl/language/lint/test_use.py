"""Settings of files that lose their word to what includes them."""

from pathlib import Path

from dsl.language.configuration import load

BASE = "include 'good.gin'\ncritic.Critic.energy = @energy.NegativeL2()\n"


def lost(problems, text, *overrides):
    Path("base.gin").write_text(
        f"{BASE}energy.NegativeL2.epsilon = 0.1\ncritic/network.Network.width = 8\n"
    )
    assert problems(f"include 'base.gin'\n{text}", *overrides, base=False) == []
    return load("x.gin", overrides).settings_without_effect()


def test_nothing_is_lost_by_another_value(problems):
    assert lost(problems, "energy.NegativeL2.epsilon = 0.2\nWIDTH = 3\n") == []


def test_a_word_that_is_exchanged_takes_its_settings_with_it(problems):
    line = "base.gin:3: energy.NegativeL2.epsilon = 0.1 applies to nothing."
    assert lost(problems, "critic.Critic.energy = @energy.Dot()\n") == [line]
    assert lost(problems, "", "critic.Critic.energy=@energy.Dot()") == [line]


def test_the_word_that_took_its_place_may_have_the_setting_too(toy, problems):
    toy.add_family("energy", Near=toy.words["energy.NegativeL2"].target)
    line = "base.gin:3: energy.NegativeL2.epsilon = 0.1 applies to nothing. At its default: "
    assert lost(problems, "critic.Critic.energy = @energy.Near()\n") == [
        f"{line}critic/energy.Near.epsilon."
    ]


def test_only_the_last_value_of_a_setting_is_told(problems):
    text = "critic.Critic.energy = @energy.Dot()\ncritic.Critic.encoder = @wide/network.Network()\n"
    found = lost(problems, f"{text}network.Network.depth = 8\n")
    assert [line.split(" ")[1] for line in found] == [
        "critic/network.Network.depth",
        "energy.NegativeL2.epsilon",
        "critic/network.Network.width",
    ]

"""The record of every value that ran."""

import json
from pathlib import Path

import pytest

from dsl.language.configuration import ConfigError, load
from dsl.language.dump import operative_settings

pytestmark = pytest.mark.usefixtures("toy")

EXPECTED = """\
# Every value of the run, defaults included. Running this file repeats the run.

Experiment.environment = @env.Maze()
Experiment.critic = @critic/critic.Critic()
Experiment.actor = @actor/network.Network()
Experiment.optimiser = None
Experiment.seed = 3
Experiment.steps = 1_000_000
Experiment.gamma = 0.99
Experiment.note = 'it\\'s "so"'

env.Maze.layout = 'u_maze'
env.Maze.episode_length = 200

critic/critic.Critic.encoder = @network.Network()
# critic/critic.Critic.energy = NegativeL2(epsilon=1e-06)  (its default)
critic/critic.Critic.sizes = (64,)

critic/network.Network.width = 64
critic/network.Network.depth = 64
critic/network.Network.activation = %activation.swish
critic/network.Network.normalise = True

actor/network.Network.width = 64
actor/network.Network.depth = 4
actor/network.Network.activation = %activation.relu
actor/network.Network.normalise = True
"""

LINES = """\
include 'good.gin'
Experiment.optimiser = None
Experiment.steps = 1_000_000
Experiment.note = 'it\\'s "so"'
critic.Critic.sizes = (%WIDTH,)
"""


def test_the_text_has_every_value_of_everything_built():
    Path("x.gin").write_text(LINES)
    assert load("x.gin").operative_text() == EXPECTED


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "ENERGY = @energy.NegativeL2()\ncritic.Critic.energy = %ENERGY",
        "critic.Critic.encoder = @critic/goal/network.Network()\n"
        "critic/goal/network.Network.width = 8",
        "critic.Critic.sizes = (-1, 2)",
        "Experiment.note = 'snow \u2603 \\n and \\\\'",
    ],
)
def test_running_the_text_gives_the_text(lines):
    Path("x.gin").write_text(f"include 'good.gin'\n{lines}\n")
    text = load("x.gin").operative_text()
    Path("operative.gin").write_text(text)
    again = load("operative.gin")
    assert again.operative_text() == text
    assert again.hyperparameters() == load("x.gin").hyperparameters()
    assert again.build().seed == 3


def test_the_settings_of_a_text_are_read_back_by_their_full_names():
    settings = operative_settings(load("good.gin").operative_text())
    assert settings["Experiment.seed"] == "3"
    assert settings["critic/network.Network.activation"] == "%activation.swish"
    assert settings["Experiment.critic"] == "@critic/critic.Critic()"
    assert list(settings)[:2] == ["Experiment.environment", "Experiment.critic"]
    # A default without gin text is a comment.
    assert "critic/critic.Critic.energy" not in settings


def test_the_settings_of_a_text_of_the_last_release_have_current_names(toy):
    toy.rename_settings("Experiment", number="seed")
    assert operative_settings("Experiment.number = 3\n") == {"Experiment.seed": "3"}


def test_a_text_that_is_not_gin_is_refused():
    with pytest.raises(ConfigError) as found:
        operative_settings("Experiment.seed = \n", "runs/a/operative.gin")
    assert found.value.problems[0].startswith("runs/a/operative.gin:1: cannot read")


def test_hyperparameters_are_nested_by_family_and_role():
    Path("x.gin").write_text(LINES)
    found = load("x.gin").hyperparameters()
    assert found == {
        "Experiment": {
            "environment": "env.Maze",
            "critic": "critic/critic.Critic",
            "actor": "actor/network.Network",
            "optimiser": None,
            "seed": 3,
            "steps": 1_000_000,
            "gamma": 0.99,
            "note": 'it\'s "so"',
        },
        "env": {"Maze": {"word": "Maze", "layout": "u_maze", "episode_length": 200}},
        "critic": {
            "critic": {
                "word": "Critic",
                "encoder": "network.Network",
                "energy": "NegativeL2(epsilon=1e-06)",
                "sizes": [64],
            }
        },
        "network": {
            "critic": {
                "word": "Network",
                "width": 64,
                "depth": 64,
                "activation": "activation.swish",
                "normalise": True,
            },
            "actor": {
                "word": "Network",
                "width": 64,
                "depth": 4,
                "activation": "activation.relu",
                "normalise": True,
            },
        },
    }
    assert json.loads(json.dumps(found)) == found


def test_two_words_of_a_family_in_one_role_stand_apart(toy):
    toy.add_family("network", Other=toy.words["network.Network"].target)
    Path("x.gin").write_text("include 'good.gin'\nExperiment.actor = @critic/network.Other()\n")
    networks = load("x.gin").hyperparameters()["network"]
    assert list(networks) == ["critic_Network", "critic_Other"]


def test_the_source_is_kept_as_written_with_the_overrides_noted():
    text = "# mine\ninclude 'good.gin'\nSEED = 4"
    Path("x.gin").write_text(text)
    assert load("x.gin").source_text() == text
    assert load("x.gin", ["WIDTH=8", "Experiment.note=a b"]).source_text() == (
        f"{text}\n\n# --set WIDTH=8\n# --set Experiment.note=a b\n"
    )


def test_macros_have_their_final_values():
    Path("x.gin").write_text(
        "include 'good.gin'\nSEED = 4\nENERGY = @energy.Dot()\ncritic.Critic.energy = %ENERGY\n"
    )
    assert load("x.gin", ["WIDTH=8"]).macros() == {"SEED": 4, "WIDTH": 8, "ENERGY": "energy.Dot"}


def test_an_infinite_default_is_read_back(toy):
    def bounded(limit: float = float("inf")):
        """Make a bound."""

    toy.add_family("bound", bounded)
    Path("x.gin").write_text("include 'good.gin'\nExperiment.optimiser = @bound.bounded()\n")
    text = load("x.gin").operative_text()
    assert "bound.bounded.limit = 1e999" in text
    Path("again.gin").write_text(text)
    assert load("again.gin").operative_text() == text

"""The record of every value that ran."""

import json
from pathlib import Path

import pytest
from gin import config

from dsl import family
from dsl.language.configuration import load

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
        "Experiment.gamma = 1e999",
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


def test_what_the_text_says_was_built_is_what_gin_built():
    load("good.gin").build()
    built = {
        (scope, selector.removeprefix("root."))
        for scope, selector in config._OPERATIVE_CONFIG
        if not selector.startswith("gin.")
    }
    assert built == {
        ("", "Experiment"),
        ("", "env.Maze"),
        ("", "optimiser.adam"),
        ("actor", "network.Network"),
        ("critic", "critic.Critic"),
        ("critic", "network.Network"),
    }
    lines = load("good.gin").operative_text().split("\n")
    named = {line.rpartition(".")[0] for line in lines if line and line[0] not in "#"}
    subjects = {line.split(" = ")[0].rpartition(".")[0] for line in lines if " = " in line}
    assert named
    assert {s.lstrip("# ") for s in subjects} == {
        f"{scope}/{name}" if scope else name for scope, name in built
    }


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
    family("network", Other=toy.words["network.Network"].thing)
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

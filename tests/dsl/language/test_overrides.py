"""`--set NAME=VALUE`."""

import pytest

from dsl.language.configuration import ConfigError, load

pytestmark = pytest.mark.usefixtures("toy")


def test_overrides_set_macros_and_settings():
    configuration = load("good.gin", ["SEED=5", "critic/network.Network.depth=8"])
    experiment = configuration.build()
    assert experiment.seed == 5
    assert experiment.critic.settings["encoder"].settings["depth"] == 8


def test_bare_words_are_text():
    experiment = load("good.gin", ["env.Maze.layout=big_maze", "Experiment.note=a/b-c.txt"]).build()
    assert experiment.environment.layout == "big_maze"
    assert experiment.note == "a/b-c.txt"


def test_literals_references_and_constants_pass_through(toy):
    overrides = [
        "critic.Critic.energy=@energy.Dot()",
        "critic.Critic.sizes=(1, 2)",
        "actor/network.Network.activation=%activation.swish",
        "network.Network.normalise=False",
        "Experiment.steps=1_000",
    ]
    critic = load("good.gin", overrides).build().critic.settings
    assert type(critic["energy"]) is toy.words["energy.Dot"].target
    assert critic["sizes"] == (1, 2)
    assert critic["encoder"].settings["normalise"] is False


def test_wrong_overrides_are_shown_as_given(problems):
    found = problems(
        "",
        "WIDHT=3",
        "steps=5",
        "WIDTH=u_maze",
        "env.Maze.layout=bigmaze",
        "Experiment.seed=true",
        "x",
        "SEED=",
        "Experiment.gamma=2*3",
        "critic.Critic.sizes=(1,",
    )
    assert found == [
        "--set WIDHT=3: there is no macro 'WIDHT'. Did you mean 'WIDTH'?",
        "--set steps=5: there is no macro 'steps'. Did you mean 'Experiment.steps'?",
        "--set WIDTH=u_maze: WIDTH is 'u_maze'; it must be a whole number. "
        "(For network.Network.width, good.gin:13.)",
        "--set env.Maze.layout=bigmaze: env.Maze.layout is 'bigmaze'; it must be one of 'u_maze', "
        "'big_maze'. Did you mean 'big_maze'?",
        "--set Experiment.seed=true: Experiment.seed is 'true'; it must be a whole number.",
        "--set x: write NAME=VALUE.",
        "--set SEED=: there is no value. For empty text, write \"SEED=''\".",
        "--set Experiment.gamma=2*3: gin has no arithmetic. Write 6.",
        "--set critic.Critic.sizes=(1,: cannot read the value. A bracket that is opened here is "
        "not closed.",
    ]


def test_two_overrides_of_one_thing_are_refused(problems):
    assert problems("", "SEED=1", "SEED=2") == [
        "--set SEED=2: SEED is already set by another --set."
    ]


def test_an_override_that_changes_nothing_is_refused(problems):
    text = "actor/network.Network.depth = 8"
    assert problems(text, "network.Network.depth=16") == [
        "--set network.Network.depth=16: network.Network.depth has no effect: "
        "critic/network.Network.depth (good.gin:14) and actor/network.Network.depth (x.gin:2) set "
        "it wherever it is built."
    ]


def test_an_override_may_take_the_use_of_what_the_file_sets(problems):
    # WIDTH is then used by nothing, for which the file is not to blame.
    assert problems("WIDTH = 32", "network.Network.width=16") == []


def test_a_value_cannot_smuggle_in_statements(problems):
    assert problems("", "SEED=3\nimport os") == [
        r"--set SEED=3\nimport os: cannot read the value. "
        "gin says: there is more than one statement."
    ]


@pytest.mark.parametrize("overrides", ["SEED=3", {"SEED": 3}, [3]])
def test_overrides_are_a_list_of_texts(overrides):
    with pytest.raises(ConfigError, match=r"they must be a list such as \['SEED=3'\]"):
        load("good.gin", overrides)

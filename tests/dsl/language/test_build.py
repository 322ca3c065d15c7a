"""From a gin file to objects."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import pytest

from components.constraints import SettingError
from dsl.language.configuration import ConfigError, load
from dsl.language.registry import Partial, Vocabulary

pytestmark = pytest.mark.usefixtures("toy")


def built(text, *overrides):
    Path("x.gin").write_text(f"include 'good.gin'\n{text}")
    return load("x.gin", overrides).build()


def test_every_setting_arrives_where_it_belongs():
    experiment = built("")
    assert experiment.seed == 3
    assert experiment.environment.episode_length == 200
    assert experiment.actor == Partial(
        "network.Network",
        "actor",
        experiment.actor.target,
        {"width": 64, "depth": 4, "activation": jax.nn.relu, "normalise": True},
    )
    assert experiment.optimiser.init is not None


def test_a_word_inside_another_takes_over_its_role():
    encoder = built("").critic.settings["encoder"]
    assert (encoder.scope, encoder.settings["depth"]) == ("critic", 64)
    assert encoder.settings["activation"] is jax.nn.swish


def test_a_word_with_a_role_of_its_own_leaves_the_one_around_it():
    encoder = built("critic.Critic.encoder = @actor/network.Network()").critic.settings["encoder"]
    assert (encoder.scope, encoder.settings["depth"]) == ("actor", 4)
    assert encoder.settings["activation"] is jax.nn.relu


def test_a_role_within_a_role_takes_settings_from_both():
    encoder = built(
        "critic.Critic.encoder = @critic/goal/network.Network()\n"
        "critic/goal/network.Network.width = 16"
    ).critic.settings["encoder"]
    assert (encoder.settings["width"], encoder.settings["depth"]) == (16, 64)


def test_a_macro_stands_for_its_text():
    # gin itself would build the network in a role called ENCODER, with depth 4.
    encoder = built(
        "ENCODER = @network.Network()\ncritic.Critic.encoder = %ENCODER"
    ).critic.settings["encoder"]
    assert (encoder.scope, encoder.settings["depth"]) == ("critic", 64)


def test_every_reference_makes_a_thing_of_its_own():
    text = "critic.Critic.energy = @energy.NegativeL2()"
    assert built(text).critic.settings["energy"] is not built(text).critic.settings["energy"]


def test_everything_that_a_constructor_refuses_is_reported_by_line():
    Path("x.gin").write_text(
        "include 'good.gin'\nLENGTH = 5001\nenv.Maze.episode_length = %LENGTH\n"
    )
    with pytest.raises(ConfigError) as found:
        load("x.gin").build()
    assert found.value.problems == [
        "x.gin:2: LENGTH is 5001; 5000 is the most. (For env.Maze.episode_length, line 3.)"
    ]
    assert isinstance(found.value.__cause__, SettingError)


def test_a_constructor_that_breaks_is_reported_where_it_is_asked_for(toy, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("float\ndivision")

    monkeypatch.setattr(toy.words["env.Maze"].target, "__post_init__", broken)
    with pytest.raises(ConfigError) as found:
        load("good.gin").build()
    line = broken.__code__.co_firstlineno + 1
    assert found.value.problems == [
        "good.gin:5: env.Maze cannot be built: ZeroDivisionError: float division "
        f"(test_build.py:{line})"
    ]
    assert isinstance(found.value.__cause__, ZeroDivisionError)


def test_a_plan_that_refuses_its_settings_is_located_too():
    Path("x.gin").write_text("include 'good.gin'\nWIDTH = 3001\n")
    configuration = load("x.gin")
    plan = configuration.build().critic
    with pytest.raises(ConfigError) as found, configuration.locating_errors():
        plan(key=0)
    assert found.value.problems == [
        "x.gin:2: WIDTH is 3001; an input of 3 allows less. "
        "(For network.Network.width, good.gin:13.)"
    ]


def test_a_setting_found_wrong_later_is_located():
    configuration = load("good.gin")
    error = SettingError("seed", "is unlucky.")
    assert configuration.describe_error(error) == (
        "good.gin:1: SEED is unlucky. (For Experiment.seed, line 9.)"
    )
    late = SettingError("steps", "is too much.")
    assert configuration.describe_error(late) == "good.gin: Experiment.steps is too much."


def test_an_experiment_is_complete_without_its_configuration():
    critic = load("good.gin").build().critic(key=0)
    assert critic.encoder.made_with == (64, 64, jax.nn.swish, True, 3, 0)


def test_configurations_do_not_disturb_each_other():
    first, second = load("good.gin"), load("good.gin", ["SEED=8"])
    assert (first.build().seed, second.build().seed, first.build().seed) == (3, 8, 3)


def test_two_vocabularies_in_one_process(toy):
    other = Vocabulary()

    def experiment(seed: int = 0):
        """A root of another language."""
        return seed

    other.add_root(experiment)
    Path("other.gin").write_text("experiment.seed = 7\n")
    ours, theirs = load("good.gin"), load("other.gin", vocabulary=other)
    assert (ours.build().seed, theirs.build(), ours.build().seed) == (3, 7, 3)
    assert toy.root == "Experiment"


def test_configurations_are_loaded_and_built_by_many_threads_at_once():
    def seeds(start):
        configurations = [load("good.gin", [f"SEED={start + i}"]) for i in range(5)]
        return [configuration.build().seed for configuration in configurations]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(seeds, range(0, 40, 10)))
    assert found == [list(range(start, start + 5)) for start in range(0, 40, 10)]


def test_failures_in_one_thread_are_not_reported_in_another():
    def outcome(length):
        try:
            load("good.gin", [f"env.Maze.episode_length={length}"]).build()
        except ConfigError as error:
            return error.problems
        return []

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(outcome, [100, 6000] * 10))
    assert [len(problems) for problems in found] == [0, 1] * 10

"""The tutorial docs/own_task.md, run as it stands there."""

from pathlib import Path

import pytest
from own_words import as_written

import dsl
from dsl.cli.run import main
from dsl.tracking import read_metrics

SMALL = (
    *("NUM_ENVS=4", "TOTAL_ENV_STEPS=200", "BATCH_SIZE=8", "WIDTH=8", "Experiment.film=False"),
    *("Experiment.unroll_length=10", "Experiment.updates_per_iteration=2"),
    *("Experiment.prefill_steps=10", "Experiment.evaluations=2", "Experiment.eval_episodes=2"),
    *("env.WeakCart.episode_length=12", "buffer.TrajectoryBuffer.capacity=40"),
)

pytestmark = pytest.mark.usefixtures("quickly_compiled")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder outside the repository that holds the files of the tutorial."""
    monkeypatch.chdir(tmp_path)
    with (
        as_written("own_task.md", "my_cart", "my_cart.gin"),
        as_written("own_task.md", "weak_cart", "weak_cart.gin", example=1),
    ):
        yield


def test_the_tutorial_trains_with_a_changed_model(capsys):
    """The second example includes the first."""
    assert main(["weak_cart.gin", "--out", "run", "--set", *SMALL]) == 0, capsys.readouterr().err
    epochs = read_metrics(Path("run/metrics.jsonl"))
    assert epochs[-1]["env_steps"] >= 200
    assert epochs[-1]["eval/final_distance"] > 0
    assert epochs[-1]["train/nonfinite_resets"] == 0
    assert (Path("run") / "pictures" / "final_rollout.png").stat().st_size > 1000


def test_the_example_of_a_changed_model_changes_it():
    names = ("my_cart", "weak_cart")
    cart, weak = (dsl.build(dsl.load(f"{name}.gin")).environment.task for name in names)
    before, after = cart.physics.model, weak.physics.model
    assert after.actuator_gear[0, 0] == before.actuator_gear[0, 0] / 2 == 2
    assert after.body("cart").mass == 2 * before.body("cart").mass == 2


def test_a_word_of_the_tutorial_is_checked_like_every_other(capsys):
    assert main(["my_cart.gin", "--check", "--set", "env.Cart.episode_length=0"]) == 2
    assert "it must be at least 1" in capsys.readouterr().err

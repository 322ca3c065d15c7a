"""The tutorial docs/own_task.md, run as it stands there."""

import importlib
import re
import sys
from pathlib import Path

import pytest

import dsl.vocabulary
from dsl import registry
from dsl.run import main
from dsl.tracking import read_metrics

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "own_task.md"
SMALL = (
    *("NUM_ENVS=4", "TOTAL_ENV_STEPS=200", "BATCH_SIZE=8", "WIDTH=8", "Experiment.film=False"),
    *("Experiment.unroll_length=10", "Experiment.updates_per_iteration=2"),
    *("Experiment.fill_rows=10", "Experiment.evaluations=2", "Experiment.eval_episodes=2"),
    *("env.Cart.episode_length=12", "buffer.TrajectoryBuffer.capacity=40"),
)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder outside the repository that holds the two files of the tutorial."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_cart", raising=False)
    Path("my_cart.py").write_text(blocks("python")[0])
    Path("my_cart.gin").write_text(blocks("gin")[0])
    with registry.isolated():
        importlib.reload(dsl.vocabulary)
        yield
    sys.modules.pop("my_cart", None)


def test_the_tutorial_trains(capsys):
    assert main(["my_cart.gin", "--out", "run", "--set", *SMALL]) == 0, capsys.readouterr().err
    epochs = read_metrics(Path("run/metrics.jsonl"))
    assert epochs[-1]["env_steps"] >= 200
    assert epochs[-1]["eval/final_distance"] > 0
    assert epochs[-1]["train/nonfinite_resets"] == 0
    assert (Path("run") / "pictures" / "final_rollout.png").stat().st_size > 1000


def test_a_word_of_the_tutorial_is_checked_like_every_other(capsys):
    assert main(["my_cart.gin", "--check", "--set", "env.Cart.episode_length=0"]) == 2
    assert "it must be at least 1" in capsys.readouterr().err

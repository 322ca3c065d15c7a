"""What is reported of words that do not fit each other, and of bugs in a user's own."""

import subprocess
import sys
from pathlib import Path

import pytest
from own_words import forgotten
from toy_runs import variables

from dsl.language.configuration import ConfigError, load
from dsl.training.build import build

LOSS = '''
from components.losses.contrastive import InfoNCE
from dsl import family


class BrokenLoss(InfoNCE):
    """A loss with a bug."""

    def objective(self, logits):
        return logits + "no number"


family("loss", BrokenLoss)
'''
EXPERIMENT = """
import broken_words
include 'quickstart.gin'
learner.ActorCritic.critic_loss = @loss.BrokenLoss()
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("broken_words.py").write_text(LOSS)
    Path("broken.gin").write_text(EXPERIMENT)
    return Path("broken.gin")


def test_a_bug_in_a_loss_is_raised_as_it_is(file):
    with forgotten("broken_words"), pytest.raises(TypeError, match=r"str|add") as found:
        build(load(file))
    assert "broken_words.py" in "".join(str(entry.path) for entry in found.traceback)


def test_the_command_shows_the_line_of_the_bug(file):
    environment = {**variables(1), "PATH": ""}
    command = [sys.executable, "-m", "dsl.run", str(file), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "broken_words.py" in done.stderr
    assert 'return logits + "no number"' in done.stderr
    assert "does not fit" not in done.stderr


def test_a_loss_that_does_not_fit_the_critic_is_refused_with_its_line(tmp_path):
    experiment = tmp_path / "mine.gin"
    experiment.write_text(
        "include 'quickstart.gin'\nlearner.ActorCritic.critic = @critic.QEnsemble()\n"
        "critic.QEnsemble.network = @critic/network.ResidualMLP()\n"
    )
    with pytest.raises(ConfigError) as found:
        build(load(experiment))
    (problem,) = found.value.problems
    assert "InfoNCE" in problem
    assert "PairCritic" in problem

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


def test_the_traceback_of_a_bug_begins_at_the_users_line(file):
    with forgotten("broken_words"), pytest.raises(TypeError) as found:
        build(load(file))
    names = [Path(str(entry.path)).name for entry in found.traceback]
    assert names[:3] == ["test_build.py", "build.py", "build.py"]
    assert names[3] == "broken_words.py"
    assert found.value.__notes__[-1] == (
        "It was raised in a word of your own: broken_words.py:10, in objective."
    )


@pytest.mark.parametrize("body", ["return jnp.sum(logits), logits", "return jnp.zeros(3)"])
def test_what_an_own_word_returns_wrongly_names_the_word(file, body):
    code = LOSS.replace('return logits + "no number"', body)
    Path("broken_words.py").write_text(f"import jax.numpy as jnp\n{code}")
    with forgotten("broken_words"), pytest.raises((TypeError, ValueError)) as found:
        build(load(file))
    assert found.value.__notes__[-1].endswith(
        "its base class says: loss.BrokenLoss (broken.gin:4)."
    )


OWN_METRICS = """
import jax.numpy as jnp
from components.losses.contrastive import InfoNCE
from dsl import constants, family


class BrokenLoss(InfoNCE):
    \"\"\"A loss that measures something.\"\"\"

    def __call__(self, critic, batch, frozen, key):
        value, metrics = super().__call__(critic, batch, frozen, key)
        return value, {**metrics, METRIC: MEASURED}


family("loss", BrokenLoss)
constants("metric", mine=lambda episodes: episodes.success.mean())
"""


@pytest.mark.parametrize(
    ("metric", "measured", "said"),
    [
        ("'v'", "jnp.zeros(3)", "has a loss whose metric 'v' is float32[3]; it must be a number."),
        ("'critic_loss'", "value", "returns a metric called 'critic_loss', which every learner"),
    ],
)
def test_metrics_of_an_own_loss_are_checked(file, metric, measured, said):
    code = OWN_METRICS.replace("METRIC", metric).replace("MEASURED", measured)
    Path("broken_words.py").write_text(code)
    with forgotten("broken_words"), pytest.raises(ConfigError) as found:
        build(load(file))
    assert said in str(found.value)


def test_an_own_metric_that_is_not_one_per_episode_is_refused(file):
    Path("broken_words.py").write_text(OWN_METRICS.replace("METRIC: MEASURED", ""))
    file.write_text(
        "import broken_words\ninclude 'quickstart.gin'\n"
        "Experiment.evaluation = @evaluation.FreshEpisodes()\n"
        "evaluation.FreshEpisodes.metrics = {\n"
        "    'time_at_goal': %metric.time_at_goal, 'm': %metric.mine}\n"
    )
    with forgotten("broken_words"), pytest.raises(ConfigError) as found:
        build(load(file))
    assert found.value.problems == [
        "broken.gin:3: Experiment.evaluation has the metric 'm', which returns float32[]; a metric "
        "returns a number for each of the 64 episodes."
    ]


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

"""The examples of docs/own_words.md, run as they stand there."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from own_words import as_written

from components.env_dims import EnvDims
from components.replay.batch import Batch
from dsl.language.configuration import ConfigError, load

KEY = jax.random.key(0)
TWINS = [
    "learner.ActorCritic.critic=@critic.QEnsemble()",
    "critic.QEnsemble.network=@critic/network.ResidualMLP()",
]


@pytest.fixture
def own_energy(tmp_path, monkeypatch):
    """A folder outside the repository that holds the two files of the guide's first example."""
    monkeypatch.chdir(tmp_path)
    with as_written("own_words.md", "my_words", "my_experiment.gin"):
        yield


@pytest.mark.usefixtures("own_energy")
def test_the_example_builds_what_it_says():
    energy = load("my_experiment.gin").build().learner.critic.settings["energy"]
    assert type(energy).__name__ == "HuberEnergy"
    # Huber with threshold 0.5: 0.1^2 / 2 near zero, 0.5 (2 - 0.25) beyond.
    x, y = jnp.array([0.1, 2.0]), jnp.array([0.0, 0.0])
    np.testing.assert_allclose(energy(x, y), -(0.005 + 0.875), rtol=1e-6)
    xs, ys = jax.random.normal(jax.random.key(0), (2, 3, 4))
    expected = [[energy(x, y) for y in ys] for x in xs]
    np.testing.assert_allclose(energy.pairwise(xs, ys), np.array(expected), rtol=1e-5)


@pytest.mark.usefixtures("own_energy")
def test_the_example_is_checked_like_every_word():
    text = Path("my_experiment.gin").read_text()
    Path("my_experiment.gin").write_text(text.replace("Energy.threshold", "Energy.treshold"))
    with pytest.raises(ConfigError) as found:
        load("my_experiment.gin")
    assert found.value.problems == [
        "my_experiment.gin:6: energy.HuberEnergy has no setting 'treshold'. "
        "Did you mean 'threshold'? Settings: threshold."
    ]


def critic_step(learner):
    """The shapes of a learner's critic, of its gradient on a batch of four, and of its metrics."""
    critic = eqx.filter_eval_shape(learner.init, EnvDims(4, 2, 2), KEY).networks.critic
    sizes = (4, 2, 4, 2, 2)  # of state, action, next state, goal, achieved goal
    batch = Batch(*(jnp.zeros((4, size)) for size in sizes), jnp.zeros(4), jnp.ones(4))

    @eqx.filter_value_and_grad(has_aux=True)
    def loss(critic):
        return learner.critic_loss(critic, batch, None, KEY)

    (_, metrics), gradient = eqx.filter_eval_shape(loss, critic)
    return critic, gradient, metrics


def test_a_critic_and_its_loss_train_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with as_written("own_words.md", "my_critic", "my_experiment.gin", example=1):
        small = ["WIDTH=8", "schedule.cosine_decay.decay_steps=9"]
        experiment = load("my_experiment.gin", small).build()
        assert list(experiment.problems()) == []
        critic, gradient, metrics = critic_step(experiment.program().learners["learner"])
        assert critic.network.input.dense.weight.shape == (4 + 2, 8)  # dims.state + dims.action
        assert critic.network.output.weight.shape == (8, 2)  # dims.goal
        assert gradient.network.output.weight.shape == (8, 2)
        assert "violated" in metrics
        with pytest.raises(
            ConfigError, match="critic must be a PairCritic, but QEnsemble is not one"
        ):
            load("my_experiment.gin", [*small, *TWINS])

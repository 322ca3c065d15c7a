"""The example of docs/own_words.md, run as it stands there."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from own_words import as_written

from dsl.language.configuration import ConfigError, load


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder outside the repository that holds the two files of the guide."""
    monkeypatch.chdir(tmp_path)
    with as_written("own_words.md", "my_words", "my_experiment.gin"):
        yield


def test_the_example_builds_what_it_says():
    energy = load("my_experiment.gin").build().learner.critic.settings["energy"]
    assert type(energy).__name__ == "HuberEnergy"
    # Huber with threshold 0.5: 0.1^2 / 2 near zero, 0.5 (2 - 0.25) beyond.
    x, y = jnp.array([0.1, 2.0]), jnp.array([0.0, 0.0])
    np.testing.assert_allclose(energy(x, y), -(0.005 + 0.875), rtol=1e-6)
    xs, ys = jax.random.normal(jax.random.key(0), (2, 3, 4))
    expected = [[energy(x, y) for y in ys] for x in xs]
    np.testing.assert_allclose(energy.pairwise(xs, ys), np.array(expected), rtol=1e-5)


def test_the_example_is_checked_like_every_word():
    text = Path("my_experiment.gin").read_text()
    Path("my_experiment.gin").write_text(text.replace("Energy.threshold", "Energy.treshold"))
    with pytest.raises(ConfigError) as found:
        load("my_experiment.gin")
    assert found.value.problems == [
        "my_experiment.gin:6: energy.HuberEnergy has no setting 'treshold'. "
        "Did you mean 'threshold'? Settings: threshold."
    ]

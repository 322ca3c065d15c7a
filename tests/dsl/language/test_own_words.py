"""The example of docs/own_words.md, run as it stands there."""

import importlib
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsl
import dsl.vocabulary
from dsl import registry
from dsl.config import ConfigError, load

GUIDE = Path(dsl.__file__).parent.parent / "docs" / "own_words.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder outside the repository that holds the two files of the guide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_words", raising=False)
    Path("my_words.py").write_text(blocks("python")[0])
    Path("my_experiment.gin").write_text(blocks("gin")[0])
    with registry.isolated():
        importlib.reload(dsl.vocabulary)
        yield
    sys.modules.pop("my_words", None)


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

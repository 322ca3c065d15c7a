"""Own words of experiments that were built in Python are part of what tells runs apart."""

import sys
from functools import partial
from types import ModuleType

import pytest
from own_words import forgotten

from components import (
    ActorCritic,
    ContrastiveCritic,
    GeometricFuture,
    InfoNCE,
    MaximumEntropy,
    NegativeL2,
    ResidualMLP,
    TanhGaussianActor,
    TrajectoryBuffer,
    adam,
)
from components.environments import point_maze
from dsl.experiment import Experiment
from dsl.training.python_description import describe_python_experiment

SOURCE = """
from components.energies.similarities import NegativeL2


class HalvedL2(NegativeL2):
    \"\"\"Half the energy.\"\"\"
"""


def words_of(energy, activation):
    network = partial(ResidualMLP, width=8, activation=activation)
    learner = ActorCritic(
        actor=partial(TanhGaussianActor, network),
        actor_loss=MaximumEntropy(),
        actor_optimiser=adam(1e-3),
        critic=partial(ContrastiveCritic, network, network, energy),
        critic_loss=InfoNCE(),
        critic_optimiser=adam(1e-3),
        relabelling=GeometricFuture(0.98),
    )
    experiment = Experiment(point_maze(), learner, TrajectoryBuffer())
    return describe_python_experiment(experiment, "mine")["words"]


def doubled(x):
    return 2 * x


def test_a_module_is_taken_whole(tmp_path, monkeypatch):
    (tmp_path / "my_energy.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    with forgotten("my_energy"):
        from my_energy import HalvedL2  # pyright: ignore[reportMissingImports]

        assert words_of(HalvedL2(), abs) == {"my_energy.py": SOURCE}


def test_of_the_script_itself_the_definitions_are_taken(monkeypatch):
    monkeypatch.setattr(doubled, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert words_of(NegativeL2(), doubled) == {
        "__main__.doubled.py": "def doubled(x):\n    return 2 * x\n"
    }


@pytest.mark.parametrize("activation", [abs, eval("lambda x: x")])
def test_what_has_no_source_is_left_out(activation, monkeypatch):
    if hasattr(activation, "__code__"):
        monkeypatch.setattr(activation, "__module__", "__main__")
    assert words_of(NegativeL2(), activation) == {}

"""Settings of Optax's optimisers that would train upwards, nowhere, or to NaN."""

import pytest

from components.constraints import SettingError
from components.optimisers.rated import adam, adamw, sgd
from components.optimisers.schedules import CosineDecay
from dsl.language.registry import default_vocabulary
from dsl.language.type_advice import members

IMPOSSIBLE = [
    (adam, {"learning_rate": -1e-3}, "learning_rate is -0.001; it must be at least 0."),
    (adam, {"b1": 1.0}, "b1 is 1.0; it must be less than 1."),
    (adam, {"b2": -0.5}, "b2 is -0.5; it must be at least 0."),
    (adam, {"eps": 0.0}, "eps is 0.0; it must be more than 0."),
    (adam, {"eps_root": -1.0}, "eps_root is -1.0; it must be at least 0."),
    (adamw, {"weight_decay": -0.1}, "weight_decay is -0.1; it must be at least 0."),
    (sgd, {"momentum": 1.5}, "momentum is 1.5; it must be less than 1."),
]
# Numbers of which each is meant by somebody.
UNCONSTRAINED = {"temperature.TunedTemperature.target_entropy_per_dimension"}


@pytest.mark.parametrize(("optimiser", "settings", "problem"), IMPOSSIBLE)
def test_impossible_settings(optimiser, settings, problem):
    with pytest.raises(SettingError) as found:
        optimiser(**{"learning_rate": 1e-3, **settings})
    assert str(found.value) == problem


def test_the_ends_of_the_ranges():
    assert adam(0.0, b1=0.0, b2=0.0).learning_rate == 0.0
    assert sgd(0.1, momentum=None).learning_rate == 0.1
    decay = CosineDecay(1.0)
    assert adamw(decay, weight_decay=0.0).learning_rate is decay


def test_every_number_of_a_gin_file_has_a_range():
    """Of all words; a new one without a range is listed above, if it is meant."""
    numbers = {
        f"{word.name}.{setting}"
        for word in default_vocabulary().words.values()
        for setting in word.settings
        for hint in members(word.settings[setting].annotation)
        if hint in (int, float)
    }
    assert numbers == UNCONSTRAINED

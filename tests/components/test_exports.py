"""The words of gin files are importable from the packages themselves."""

import pytest

import components
import components.environments
from dsl.language.registry import default_vocabulary

PACKAGES = components, components.environments
EXPORTS = [(package, name) for package in PACKAGES for name in package.__all__]


@pytest.mark.parametrize(("package", "name"), EXPORTS, ids=[name for _, name in EXPORTS])
def test_every_export_is_a_word(package, name):
    targets = [word.target for word in default_vocabulary().words.values()]
    assert getattr(package, name) in targets


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match="components attribute ActorCritics"):
        _ = components.ActorCritics
    with pytest.raises(ImportError, match="ant_labyrinth"):
        from components.environments import ant_labyrinth  # noqa: F401

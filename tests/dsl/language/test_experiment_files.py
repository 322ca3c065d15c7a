"""Names of shipped experiments work where no such file exists."""

from pathlib import Path

import pytest

from dsl.language.sources import EXPERIMENTS, find_experiment


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["quickstart.gin", "experiments/quickstart.gin", "base/loop.gin"])
def test_a_shipped_experiment_is_found_by_its_name(name):
    found = find_experiment(Path(name))
    assert found == EXPERIMENTS / name.removeprefix("experiments/")
    assert found.is_file()


def test_a_file_of_ones_own_comes_first():
    own = Path("quickstart.gin")
    own.touch()
    assert find_experiment(own) == own


@pytest.mark.parametrize("name", ["nothing.gin", "base", "/quickstart.gin", "l" * 5_000, "a\0b"])
def test_other_names_stay_as_they_are(name):
    assert find_experiment(Path(name)) == Path(name)

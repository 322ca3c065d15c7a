"""A run that resumes: under which code, and what its folder says of it."""

import json
from types import SimpleNamespace

import pytest

from dsl.errors import UsageError
from dsl.records.run_folder import RunFolder
from dsl.training.run_job import RunJob

# No more of an experiment is needed before training starts.
EXPERIMENT = SimpleNamespace(schedule=lambda _: None)
DESCRIPTION = {
    "name": "toy",
    "config": "",
    "operative": "Experiment.seed = 1\n",
    "macros": {},
    "hyperparameters": {},
    "environment": {"source": {"revision": "a" * 40}, "versions": {"jax": "0.10"}},
    "words": {"loss.py": "SCALE = 1\n"},
}


def start(path, *, accept_changes=False, **changed):
    """Checks of a run folder before training."""
    with RunFolder.open(path) as folder:
        description = {**DESCRIPTION, **changed}
        RunJob(EXPERIMENT, description, folder, accept_changes=accept_changes).write_description()  # type: ignore[arg-type]
    return json.loads((path / "environment.json").read_text())


def contents(folder):
    return {p: p.read_text() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def test_changed_own_words_are_refused_and_nothing_is_touched(tmp_path):
    start(tmp_path)
    before = contents(tmp_path)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"own words have changed .* loss\.py\."):
            start(tmp_path, words={"loss.py": "SCALE = 100\n"})
    assert contents(tmp_path) == before


def test_accepted_changes_are_recorded(tmp_path, capsys):
    first = start(tmp_path)
    assert "accepted_changes" not in first
    second = start(tmp_path, words={"loss.py": "SCALE = 100\n"}, accept_changes=True)
    assert second["accepted_changes"] == ["loss.py"]
    assert second["words"]["loss.py"] != first["words"]["loss.py"]
    assert second["earlier"] == [first]
    assert (tmp_path / "words" / "loss.py").read_text() == "SCALE = 100\n"
    assert (tmp_path / "words-1" / "loss.py").read_text() == "SCALE = 1\n"
    assert f"the earlier ones are in {tmp_path}/words-1" in capsys.readouterr().err
    # The changed words are those of the run from now on.
    assert "accepted_changes" not in start(tmp_path, words={"loss.py": "SCALE = 100\n"})


def test_another_revision_is_told_and_continues(tmp_path, capsys):
    start(tmp_path)
    start(tmp_path)
    assert capsys.readouterr().err == ""
    environment = {**DESCRIPTION["environment"], "source": {"revision": "b" * 40}}
    start(tmp_path, environment=environment)
    assert "revision aaaaaaaaaaaa (now bbbbbbbbbbbb)" in capsys.readouterr().err

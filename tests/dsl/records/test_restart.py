"""A run begins again in its folder when the user says so, and the old record stays whole."""

from pathlib import Path

import pytest

from dsl.errors import UsageError
from dsl.records.restart import is_set_aside, move_record_aside
from dsl.records.same_run import require_same_run
from dsl.tracking.add_runs import find_runs

FILES = ("config.gin", "operative.gin", "experiment.json", "metrics.jsonl", "finished.json")


@pytest.fixture
def folder(tmp_path):
    for name in (*FILES, ".lock", "aim_runs", "words/my_words.py", "checkpoints/best_1/manifest"):
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "run"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_old_record_is_whole_and_the_folder_takes_another_run(folder):
    aside = move_record_aside(folder)
    assert aside == folder / "earlier-1"
    assert names(aside) == {*FILES, "words", "checkpoints"}
    assert all((aside / name).read_text() == name for name in FILES)
    assert (aside / "checkpoints" / "best_1" / "manifest").exists()
    assert names(folder) == {"earlier-1", "experiment.json", "words", ".lock", "aim_runs"}
    assert require_same_run(folder, "Experiment.seed = 1\n", print) is False


def test_a_second_time_and_an_empty_folder(folder, tmp_path):
    move_record_aside(folder)
    (folder / "metrics.jsonl").write_text("later")
    assert move_record_aside(folder) == folder / "earlier-2"
    assert (folder / "earlier-2" / "metrics.jsonl").read_text() == "later"
    (tmp_path / "empty").mkdir()
    assert move_record_aside(tmp_path / "empty") is None


def test_an_old_record_is_no_run_of_its_own_unless_it_is_named(folder):
    aside = move_record_aside(folder)
    assert is_set_aside(aside)
    assert not is_set_aside(folder)
    assert find_runs([folder.parent]) == ([folder], [])
    assert find_runs([aside]) == ([aside], [])


def test_a_record_that_cannot_be_moved_is_named(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UsageError, match=f"{folder}: the old record cannot be moved aside .Perm"):
        move_record_aside(folder)

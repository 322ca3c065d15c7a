import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from dsl.errors import UsageError
from dsl.records.durable_files import UnreadableError
from dsl.records.run_folder import RunFolder, next_folder

DESCRIPTION = {
    "name": "quickstart",
    "config": "SEED = 1\n",
    "operative": "SEED = 1\nWIDTH = 64\n",
    "macros": {"SEED": 1, "CLIP": float("inf")},
    "hyperparameters": {"critic": {"depths": (4, 8), "normalise": True, "word": None}},
    "environment": {"python": "3.11.0"},
}


def test_a_described_run_can_be_read_back(tmp_path):
    with RunFolder.open(tmp_path / "deep" / "run") as folder:
        folder.describe(**DESCRIPTION)
    assert (folder.path / "config.gin").read_text() == "SEED = 1\n"
    assert (folder.path / "operative.gin").read_text() == "SEED = 1\nWIDTH = 64\n"
    assert json.loads((folder.path / "environment.json").read_text()) == {"python": "3.11.0"}
    assert json.loads((folder.path / "experiment.json").read_text()) == {
        "name": "quickstart",
        "macros": {"SEED": 1, "CLIP": "inf"},
        "hyperparameters": {"critic": {"depths": [4, 8], "normalise": True, "word": None}},
    }


def test_the_path_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with RunFolder.open(tmp_path.__class__("run")) as folder:
        assert folder.path == tmp_path / "run"


def test_folders_are_numbered_after_the_highest(tmp_path):
    root = tmp_path / "runs"
    assert next_folder(root, "a.b") == root / "a.b-001"
    assert next_folder(root, "a.b") == root / "a.b-002"
    (root / "a.b-1041").mkdir()
    (root / "a.b-x").mkdir()
    (root / "axb-5000").mkdir()
    assert next_folder(root, "a.b") == root / "a.b-1042"
    assert next_folder(root, "other") == root / "other-001"


def test_processes_that_race_get_different_folders(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: next_folder(tmp_path, "run"), range(40)))
    assert len(set(paths)) == 40


def refusal(path):
    with pytest.raises(UsageError) as caught:
        RunFolder.open(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "--out" in message
    return message


def test_environments_of_a_run_that_goes_on_follow_each_other(tmp_path):
    for host in "abc":
        with RunFolder.open(tmp_path) as folder:
            described = {**DESCRIPTION, "environment": {"host": host}}
            folder.describe(**described, resumed=host != "a")
    assert json.loads((tmp_path / "environment.json").read_text()) == {
        "host": "c",
        "earlier": [{"host": "a"}, {"host": "b"}],
    }


def test_a_folder_in_use_is_refused_with_its_user(tmp_path):
    with RunFolder.open(tmp_path):
        assert f"in use by process {os.getpid()} on " in refusal(tmp_path)
    RunFolder.open(tmp_path).close()


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    assert "is a file" in refusal(path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written (Not a directory)" in refusal(tmp_path / "file" / "run")
    with pytest.raises(UsageError, match=re.escape("cannot be written (Not a directory)")):
        next_folder(tmp_path / "file", "run")


def test_an_environment_that_cannot_be_read_now_is_not_lost(tmp_path, monkeypatch):
    with RunFolder.open(tmp_path / "run") as folder:
        folder.describe(**DESCRIPTION)
        before = (folder.path / "environment.json").read_text()
        with monkeypatch.context() as server:
            server.setattr("dsl.records.run_folder.read_if_present", stale)
            with pytest.raises(UnreadableError):
                folder.describe(**DESCRIPTION, resumed=True)
        assert (folder.path / "environment.json").read_text() == before


def stale(path):
    raise UnreadableError(path, "Stale file handle")

"""What Weights & Biases is told of a run; a stand-in takes the place of its package."""

import sys
from types import SimpleNamespace

import pytest

from dsl.records.run_folder import RunFolder
from dsl.tracking import WandB, start_trackers


class FakeWandB:
    """Notes what is asked of the package."""

    def __init__(self):
        self.inits, self.logs, self.finished = [], [], []

    def init(self, **settings):
        self.inits.append(settings)
        return SimpleNamespace(
            log=lambda data, step: self.logs.append((settings["name"], step, data)),
            finish=lambda: self.finished.append(settings["name"]),
        )

    @staticmethod
    def Image(path):  # noqa: N802 - its name there
        return f"image {path}"

    @staticmethod
    def Video(path):  # noqa: N802
        return f"video {path}"


@pytest.fixture
def fake(monkeypatch):
    package = FakeWandB()
    monkeypatch.setitem(sys.modules, "wandb", package)
    return package


@pytest.fixture
def folders(tmp_path):
    for name in ("maze-001", "maze-002"):
        with RunFolder.open(tmp_path / name) as folder:
            folder.describe(
                name="maze",
                config="",
                operative="",
                macros={"SEED": 1},
                hyperparameters={"buffer": {"capacity": 4}},
                environment={},
            )
    return [tmp_path / "maze-001", tmp_path / "maze-002"]


def test_every_run_is_a_run_there(fake, folders):
    word = WandB(project="mazes", entity="lab", mode="offline")
    trackers = start_trackers([word], folders, 900)
    settings = fake.inits[0]
    assert {**settings, "id": "", "dir": ""} == {
        "project": "mazes",
        "entity": "lab",
        "mode": "offline",
        "dir": "",
        "name": "maze-001",
        "group": "maze",
        "config": {"macros": {"SEED": 1}, "buffer": {"capacity": 4}},
        "id": "",
        "resume": "allow",
        "reinit": "create_new",
    }
    assert settings["dir"] == str(folders[0])
    trackers[1].log({"epoch": 3, "env_steps": 50, "eval/success_rate": 0.5})
    for tracker in reversed(trackers):
        tracker.close()
    assert fake.logs == [("maze-002", 50, {"epoch": 3, "env_steps": 50, "eval/success_rate": 0.5})]
    assert fake.finished == ["maze-002", "maze-001"]


def test_a_continued_run_is_the_same_one_and_a_copy_another(fake, folders):
    for place in (folders[0], folders[0], folders[1]):
        start_trackers([WandB()], [place], 900)[0].close()
    first, again, other = (settings["id"] for settings in fake.inits)
    assert first == again != other
    copy = folders[0].rename(folders[0].with_name("copy"))
    start_trackers([WandB()], [copy], 900)[0].close()
    assert fake.inits[-1]["id"] not in (first, other)


def test_pictures_and_films_go_there_at_the_last_epoch(fake, folders, tmp_path):
    tracker = start_trackers([WandB()], folders[:1], 900)[0]
    tracker.log({"epoch": 1, "env_steps": 70})
    for suffix in ("png", "gif"):
        (tmp_path / f"drawn.{suffix}").write_bytes(b"x")
        tracker.picture("rollout", tmp_path / f"drawn.{suffix}")
    tracker.close()
    assert fake.logs[1:] == [
        ("maze-001", 70, {"rollout.png": f"image {tmp_path / 'drawn.png'}"}),
        ("maze-001", 70, {"rollout.gif": f"video {tmp_path / 'drawn.gif'}"}),
    ]


def test_the_package_is_imported_when_the_word_is_used_and_not_before(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it would fail
    assert WandB() == WandB("kilolayer", None, "online")

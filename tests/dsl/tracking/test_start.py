"""Trackers of the runs of one process: what each is told, and what may go wrong at the start."""

from types import SimpleNamespace

import pytest

from dsl.errors import UsageError
from dsl.records.metrics_log import read_metrics
from dsl.tracking import TrackerFactory, WandB, start_trackers
from dsl.tracking.optional_package import import_optional


class Notes(TrackerFactory):
    """One tracker for each of the first runs, which notes the epochs that it is told."""

    def __init__(self, count):
        self.count, self.seen = count, []

    def start(self, folders, total_env_steps):
        self.total = total_env_steps
        return [self._tracker(folder.name) for folder in folders[: self.count]]

    def _tracker(self, name):
        return SimpleNamespace(
            log=lambda metrics: self.seen.append((name, metrics["epoch"])),
            close=lambda: self.seen.append((name, "closed")),
        )


@pytest.fixture
def folders(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    return [tmp_path / "a", tmp_path / "b"]


def test_every_run_has_its_record_and_its_views(folders):
    each, first = Notes(2), Notes(1)
    trackers = start_trackers([each, first], folders, 900)
    for number, tracker in enumerate(trackers):
        tracker.log({"epoch": number, "env_steps": 1})
    for tracker in reversed(trackers):
        tracker.close()
    assert each.total == 900
    assert each.seen == [("a", 0), ("b", 1), ("b", "closed"), ("a", "closed")]
    assert first.seen == [("a", 0), ("a", "closed")]
    assert [read_metrics(f / "metrics.jsonl")[0]["epoch"] for f in folders] == [0, 1]


def test_without_any_tracker_the_record_is_written(folders):
    trackers = start_trackers([], folders[:1], 900)
    trackers[0].log({"epoch": 0, "env_steps": 1})
    trackers[0].close()
    assert len(read_metrics(folders[0] / "metrics.jsonl")) == 1


def test_a_view_that_does_not_start_costs_the_view_and_not_the_run(folders, capsys):
    class Offline(TrackerFactory):
        def start(self, *_):
            raise ConnectionError("no network today")

    good = Notes(1)
    (tracker,) = start_trackers([Offline(), good], folders[:1], 900)
    tracker.log({"epoch": 0, "env_steps": 1})
    tracker.close()
    assert "Offline stopped: no network today" in capsys.readouterr().err
    assert good.seen == [("a", 0), ("a", "closed")]


def test_a_package_that_is_not_installed_is_named_before_anything_is_trained(folders, monkeypatch):
    monkeypatch.setattr(
        "dsl.tracking.wandb_tracker.import_optional",
        lambda *arguments: import_optional("kilolayer_absent", *arguments[1:]),
    )
    begun = Notes(1)
    with pytest.raises(UsageError) as caught:
        start_trackers([begun, WandB()], folders[:1], 900)
    assert str(caught.value) == (
        "@tracker.WandB() needs the package kilolayer_absent, which is not installed. Install it "
        "with pip install 'kilolayer[wandb]', or take tracker.WandB out of Experiment.trackers."
    )
    assert begun.seen == [("a", "closed")]


def test_a_package_that_lacks_another_one_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import kilolayer_absent\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="kilolayer_absent"):
        import_optional("half_installed", "tracker.WandB", "wandb")

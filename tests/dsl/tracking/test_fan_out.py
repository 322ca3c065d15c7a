import pytest

from dsl.tracking.fan_out import FanOut


class Recorder:
    def __init__(self, fail=()):
        self.calls = []
        self._fail = fail

    def _note(self, *call):
        self.calls.append(call)
        if call[0] in self._fail:
            raise ValueError(f"{call[0]} broke")

    def log(self, metrics):
        self._note("log", metrics["epoch"])

    def picture(self, name, path):
        self._note("picture", name, path)

    def close(self):
        self._note("close")


def test_everything_reaches_everyone_and_the_record_first(tmp_path):
    order = []
    record, view = Recorder(), Recorder()
    record.calls = view.calls = order
    trackers = FanOut(record, view)
    trackers.log({"epoch": 1})
    trackers.picture("rollout", tmp_path)
    trackers.close()
    expected = [("log", 1), ("picture", "rollout", tmp_path), ("close",)]
    assert order == [call for call in expected for _ in range(2)]


def test_a_view_that_raises_is_named_once_and_dropped(capsys):
    record, bad, good = Recorder(), Recorder(fail=("log",)), Recorder()
    trackers = FanOut(record, bad, good)
    for epoch in range(3):
        trackers.log({"epoch": epoch})
    trackers.close()
    assert bad.calls == [("log", 0)]
    assert good.calls == record.calls == [("log", 0), ("log", 1), ("log", 2), ("close",)]
    assert capsys.readouterr().err == (
        "Recorder stopped: log broke\nNothing is lost: metrics.jsonl has everything.\n"
    )


def test_a_record_that_raises_stops_the_run():
    view = Recorder()
    trackers = FanOut(Recorder(fail=("log",)), view)
    with pytest.raises(ValueError, match="log broke"):
        trackers.log({"epoch": 1})
    assert view.calls == []


def test_views_are_closed_even_if_the_record_is_not():
    view = Recorder()
    with pytest.raises(ValueError, match="close broke"):
        FanOut(Recorder(fail=("close",)), view).close()
    assert view.calls == [("close",)]

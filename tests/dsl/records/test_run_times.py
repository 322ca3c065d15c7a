"""Start and end of a run, also of one that was interrupted."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dsl.records.run_times import read_run_times

START = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def write_run(folder, environment, *seconds):
    (folder / "environment.json").write_text(json.dumps(environment))
    lines = (json.dumps({"time/wall_seconds": each}) + "\n" for each in seconds)
    (folder / "metrics.jsonl").write_text("".join(lines))


def test_a_run_of_one_process(tmp_path):
    write_run(tmp_path, {"started": START.isoformat()}, 1.0, 90.0)
    assert read_run_times(tmp_path) == (START, START + timedelta(seconds=90))


def test_a_run_that_was_resumed_the_next_day(tmp_path):
    later = START + timedelta(days=1)
    earlier = [{"started": START.isoformat()}, {"started": later.isoformat()}]
    now = {"started": later.isoformat(), "seconds_before": 60.0, "earlier": earlier}
    write_run(tmp_path, now, 1.0, 60.0, 90.0)
    assert read_run_times(tmp_path) == (START, later + timedelta(seconds=30))


@pytest.mark.parametrize("environment", [{}, {"started": "today"}])
def test_a_folder_that_does_not_tell(tmp_path, environment):
    write_run(tmp_path, environment, 1.0)
    assert read_run_times(tmp_path) is None
    write_run(tmp_path, {"started": START.isoformat()})
    assert read_run_times(tmp_path) is None

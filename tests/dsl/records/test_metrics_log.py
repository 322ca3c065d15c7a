import json
import subprocess
import sys

import numpy as np
import pytest

from dsl.errors import RecordError
from dsl.records.metrics_log import MetricsLog, read_metrics, read_metrics_from


def test_an_epoch_is_a_line_of_strict_json(tmp_path):
    tracker = MetricsLog(tmp_path)
    tracker.log({"env_steps": 3_000_000_000, "train/a": float("nan"), "train/b": float("-inf")})
    tracker.log({"env_steps": np.int64(7), "train/a": np.float32(0.5), "train/b": np.array(2.0)})
    tracker.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == (
        '{"env_steps": 3000000000, "train/a": null, "train/b": null}\n'
        '{"env_steps": 7, "train/a": 0.5, "train/b": 2.0}\n'
    )


def test_an_epoch_is_readable_before_the_next_and_kept_by_a_later_writer(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = MetricsLog(tmp_path)
    first.log({"epoch": 1})
    assert read_metrics(path) == [{"epoch": 1}]
    first.close()
    second = MetricsLog(tmp_path)
    second.log({"epoch": 2})
    second.close()
    assert read_metrics(path) == [{"epoch": 1}, {"epoch": 2}]


def test_reading_goes_on_where_it_stopped_and_leaves_half_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 1}\n{"epo')
    epochs, offset = read_metrics_from(path, 0)
    assert (epochs, offset) == ([{"epoch": 1}], 13)
    assert read_metrics_from(path, offset) == ([], 13)
    path.write_bytes(b'{"epoch": 1}\n{"epoch": 2}\n')
    assert read_metrics_from(path, offset) == ([{"epoch": 2}], 26)


def test_a_picture_is_kept_under_its_name(tmp_path):
    source = tmp_path / "drawn.png"
    tracker = MetricsLog(tmp_path)
    for content in (b"one", b"two"):
        source.write_bytes(content)
        tracker.picture("rollout", source)
    tracker.close()
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["rollout.png"]
    assert (tmp_path / "pictures" / "rollout.png").read_bytes() == b"two"


def test_a_film_lies_beside_the_picture_of_its_name(tmp_path):
    tracker = MetricsLog(tmp_path)
    for kind in ("png", "gif"):
        source = tmp_path / f"drawn.{kind}"
        source.write_text(kind)
        tracker.picture("rollout", source)
    tracker.close()
    for kind in ("png", "gif"):
        assert (tmp_path / "pictures" / f"rollout.{kind}").read_text() == kind


def test_a_picture_that_cannot_be_kept_is_told_of_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "pictures").touch()
    source = tmp_path / "drawn.png"
    source.touch()
    tracker = MetricsLog(tmp_path)
    tracker.picture("rollout", source)
    tracker.close()
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{tmp_path}/pictures/rollout.png: cannot be written (File exists).")
    assert "Make room" not in said


def test_a_folder_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(RecordError, match="No such file or directory"):
        MetricsLog(tmp_path / "gone")


_FILL = """
import resource, sys
from pathlib import Path
from dsl.errors import RecordError
from dsl.records.metrics_log import MetricsLog
tracker = MetricsLog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    for epoch in range(100):
        tracker.log({"epoch": epoch})
except RecordError as error:
    print(error)
"""


def test_a_full_disk_stops_the_run_and_leaves_whole_lines(tmp_path):
    command = [sys.executable, "-c", _FILL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path = tmp_path / "metrics.jsonl"
    assert done.stdout.startswith(f"{path}: cannot be written (File too large)")
    lines = path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(7))

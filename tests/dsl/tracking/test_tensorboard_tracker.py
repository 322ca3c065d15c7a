"""Event files of a run, written by the real package and read back record by record."""

import math
import struct

import matplotlib.image
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from dsl.tracking import TensorBoard, start_trackers


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    return path


def open_tracker(folder):
    return start_trackers([TensorBoard()], [folder], 900)[0]


def read_events(folder):
    """A record is its length (8 bytes), 4 bytes of checksum, the event, 4 bytes of checksum."""
    events = []
    for path in sorted((folder / "tensorboard").iterdir(), key=lambda path: path.stat().st_ino):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            events.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return events


def scalars(folder):
    return {
        (value.tag, event.step): value.simple_value
        for event in read_events(folder)
        for value in event.summary.value
        if value.HasField("simple_value")
    }


def test_every_metric_is_a_scalar_over_environment_steps(folder):
    tracker = open_tracker(folder)
    tracker.log({"epoch": 1, "env_steps": 50, "updates": 5, "train/critic_loss": 2.5})
    last = {"train/critic_loss": float("nan"), "eval/deep/success_rate": 1}
    tracker.log({"epoch": 2, "env_steps": 3_000_000_000, "updates": 10, **last})
    tracker.close()
    found = scalars(folder)
    assert math.isnan(found.pop(("train/critic_loss", 3_000_000_000)))
    assert found == {
        ("updates", 50): 5.0,
        ("train/critic_loss", 50): 2.5,
        ("updates", 3_000_000_000): 10.0,
        ("eval/deep/success_rate", 3_000_000_000): 1.0,
    }


def test_a_picture_is_kept_and_a_film_stays_in_the_run_folder(folder, tmp_path):
    tracker = open_tracker(folder)
    tracker.log({"epoch": 1, "env_steps": 50})
    matplotlib.image.imsave(tmp_path / "drawn.png", np.zeros((3, 4)))
    (tmp_path / "drawn.gif").write_bytes(b"GIF")
    for suffix in ("png", "gif"):
        tracker.picture("rollout", tmp_path / f"drawn.{suffix}")
    tracker.close()
    images = [
        (value.tag, event.step, value.image.height, value.image.width)
        for event in read_events(folder)
        for value in event.summary.value
        if value.HasField("image")
    ]
    assert images == [("rollout", 50, 3, 4)]


def test_a_continued_run_hides_what_lies_beyond_its_record(folder):
    tracker = open_tracker(folder)
    for epoch in (1, 2):
        tracker.log({"epoch": epoch, "env_steps": 50 * epoch})
    tracker.close()
    record = folder / "metrics.jsonl"
    record.write_text(record.read_text().splitlines()[0] + "\n")  # back to the first epoch
    open_tracker(folder).close()
    starts = [event.step for event in read_events(folder) if event.HasField("session_log")]
    assert starts == [51]

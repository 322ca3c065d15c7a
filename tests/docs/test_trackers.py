"""The examples of docs/trackers.md, as they stand there."""

from pathlib import Path

import pytest
from own_words import DOCS, as_written, blocks

from dsl.language.configuration import load
from dsl.language.registry import default_vocabulary
from dsl.tracking import Console, TensorBoard, WandB, start_trackers


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder outside the repository."""
    monkeypatch.chdir(tmp_path)


def test_the_trackers_of_the_package_are_chosen():
    Path("mine.gin").write_text(blocks("trackers.md", "gin")[0])
    chosen = load("mine.gin").build().trackers
    assert chosen == [Console(), TensorBoard(), WandB(project="mazes", mode="offline")]


def test_the_tracker_of_the_guide_writes_its_file():
    Path("mine.gin").write_text(blocks("trackers.md", "gin")[1])
    with as_written("trackers.md", "my_tracker", "first.gin"):
        factory = load("mine.gin").build().trackers[1]
        (tracker,) = start_trackers([factory], [Path()], 900)
        for epoch in (0, 1):
            tracker.log({"env_steps": 100 * epoch, "eval/success_rate": epoch / 2})
        tracker.progress(150)
        tracker.picture("paths", Path("paths.png"))
        tracker.close()
    assert Path("scores.csv").read_text() == "0,0.0\n100,0.5\n"


def test_every_tracker_is_listed():
    page = (DOCS / "trackers.md").read_text()
    words = default_vocabulary().members("tracker")
    assert words
    assert [word for word in words if f"| `@{word}()` |" not in page] == []

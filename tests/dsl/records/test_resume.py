"""What must agree for a run to go on, and what of its record is cut away."""

import json

import pytest

from dsl.errors import UsageError
from dsl.records.resume import Finished, finished, mark_finished, require_same, rewind

OPERATIVE = """# Every value
Experiment:
Experiment.batch_size = 16
Experiment.total_env_steps = 100
loss.InfoNCE.direction = 'forward'
"""


def test_an_empty_folder_holds_no_run(tmp_path):
    assert require_same(tmp_path, OPERATIVE) is False


def test_settings_that_may_change_may_change(tmp_path):
    (tmp_path / "operative.gin").write_text(OPERATIVE)
    assert require_same(tmp_path, OPERATIVE) is True
    assert require_same(tmp_path, OPERATIVE.replace("= 100", "= 900")) is True


def test_other_settings_are_shown_line_by_line(tmp_path):
    (tmp_path / "operative.gin").write_text(OPERATIVE)
    with pytest.raises(UsageError) as caught:
        require_same(tmp_path, OPERATIVE.replace("16", "8").replace("forward", "symmetric"))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{tmp_path}: holds a run with other settings")
    assert [line for line in lines if line.startswith(("  -", "  +"))] == [
        "  - Experiment.batch_size = 16",
        "  + Experiment.batch_size = 8",
        "  - loss.InfoNCE.direction = 'forward'",
        "  + loss.InfoNCE.direction = 'symmetric'",
    ]


@pytest.mark.parametrize("name", ["metrics.jsonl", "environment.json"])
def test_a_record_without_its_experiment_is_left_alone(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"holds {name} of a run, but no operative.gin"):
        require_same(tmp_path, OPERATIVE)


def test_the_record_is_cut_to_what_came_before(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"epoch": epoch, "x": None}) + "\n" for epoch in range(4)]
    path.write_text("".join(lines) + '{"epoch": 4, "x"')
    assert rewind(tmp_path, 3) == []
    assert path.read_text() == "".join(lines[:3])
    assert rewind(tmp_path, 5) == [3, 4]
    assert rewind(tmp_path, 0) == []
    assert path.read_text() == ""
    path.unlink()
    assert rewind(tmp_path, 2) == [0, 1]


@pytest.mark.parametrize("text", ["nonsense\n", "[]\n", '{"x": 1}\n'])
def test_a_foreign_record_is_not_cut(tmp_path, text):
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(UsageError, match="is not the record of a run"):
        rewind(tmp_path, 1)
    assert (tmp_path / "metrics.jsonl").read_text() == text


def test_the_end_is_marked(tmp_path):
    assert finished(tmp_path) is None
    mark_finished(tmp_path, Finished(epoch=4, env_steps=640))
    assert finished(tmp_path) == Finished(4, 640)
    (tmp_path / "finished.json").write_text("{")
    assert finished(tmp_path) is None

"""What of a record is cut away when a run resumes, and how its end is marked."""

import errno
import json
import os

import pytest

from dsl.errors import UsageError
from dsl.records.durable_files import UnreadableError
from dsl.records.metrics_log import describe_gaps
from dsl.records.resume import (
    Finished,
    cut_record,
    find_record_damage,
    mark_finished,
    read_finished,
)


def test_the_record_is_cut_to_what_came_before(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"epoch": epoch, "x": None}) + "\n" for epoch in range(4)]
    path.write_text("".join(lines) + '{"epoch": 4, "x"')
    assert cut_record(tmp_path, 3, print, has_checkpoint=True) == []
    assert path.read_text() == "".join(lines[:3])
    assert cut_record(tmp_path, 5, print, has_checkpoint=True) == [3, 4]
    path.unlink()
    assert cut_record(tmp_path, 2, print, has_checkpoint=True) == [0, 1]


@pytest.mark.parametrize(
    ("record", "damage"),
    [
        ('{"epoch": 0}\n{"epoch": 1}\n', None),
        ('{"epoch": 0}\n{"epoch": 1', "lacks epoch 1"),
        ('{"epoch": 0}\n{gar\n{"epoch": 1}\n', "has lines that are not epochs of a run"),
        ('{"epoch": 0}\n{"epoch": 1}\n{"epoch": 1}\n', "has epoch 1 more than once"),
        ("[]\n", "has lines that are not epochs of a run"),
        (None, "is missing"),
    ],
)
def test_what_the_record_of_a_finished_run_lacks(tmp_path, record, damage):
    if record is not None:
        (tmp_path / "metrics.jsonl").write_text(record)
    assert find_record_damage(tmp_path, Finished(epoch=1, env_steps=640)) == damage


@pytest.mark.parametrize(
    ("epochs", "last", "gaps"),
    [
        ([0, 1, 2], 2, None),
        ([0, 1, 2], None, None),
        ([], None, None),
        ([], 1, "lacks epochs 0 to 1"),
        ([0, 2], None, "lacks epoch 1"),
        ([0, 2, 5], 6, "lacks 4 epochs, the first of them 1,"),
        ([0, 0, 1, 1], 1, "has epochs 0 to 1 more than once"),
    ],
)
def test_holes_and_repetitions_of_a_record(epochs, last, gaps):
    assert describe_gaps([{"epoch": epoch} for epoch in epochs], last) == gaps


def test_a_record_without_a_checkpoint_is_kept_beside_the_new_one(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    for number in (1, 2):
        text = "".join(f'{{"epoch": {epoch}}}\n' for epoch in range(2 + number))
        path.write_text(text)
        assert cut_record(tmp_path, 0, print, has_checkpoint=False) == []
        assert path.read_text() == ""
        assert (tmp_path / f"metrics.jsonl.earlier-{number}").read_text() == text
        assert capsys.readouterr().out == (
            f"{tmp_path}: there is no checkpoint to continue from, so the run begins at its first "
            f"step. The {2 + number} epochs recorded before are kept in "
            f"metrics.jsonl.earlier-{number}\n"
        )
    path.write_text('{"epoch": 0}\n')  # the untrained policy alone
    assert cut_record(tmp_path, 0, print, has_checkpoint=False) == []
    assert len(list(tmp_path.iterdir())) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("finished", [False, True])
def test_a_checkpoint_inside_of_epoch_0_is_one_to_continue_from(tmp_path, capsys, finished):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f'{{"epoch": {epoch}}}\n' for epoch in range(4)))
    if finished:
        mark_finished(tmp_path, Finished(epoch=3, env_steps=640))
    assert cut_record(tmp_path, 0, print, has_checkpoint=True) == []
    assert path.read_text() == capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["nonsense\n", "[]\n", '{"x": 1}\n'])
def test_a_foreign_record_is_not_cut(tmp_path, text):
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(UsageError, match="is not the record of a run"):
        cut_record(tmp_path, 1, print, has_checkpoint=True)
    assert (tmp_path / "metrics.jsonl").read_text() == text


def test_the_end_is_marked(tmp_path):
    assert read_finished(tmp_path) is None
    mark_finished(tmp_path, Finished(epoch=4, env_steps=640))
    assert read_finished(tmp_path) == Finished(4, 640)
    (tmp_path / "finished.json").write_text("{")
    assert read_finished(tmp_path) is None


def test_a_finished_run_without_its_checkpoints_is_not_begun_again(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\n')
    mark_finished(tmp_path, Finished(epoch=4, env_steps=640))
    with pytest.raises(UsageError, match=r"no checkpoint to continue from.*--restart"):
        cut_record(tmp_path, 0, print, has_checkpoint=False)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 0}\n'


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EMFILE, errno.EACCES])
def test_a_record_that_cannot_be_read_now_is_not_touched(tmp_path, monkeypatch, number):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\n')
    mark_finished(tmp_path, Finished(epoch=0, env_steps=640))

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as server:
        server.setattr("builtins.open", refuse)
        for read in (
            lambda: cut_record(tmp_path, 1, print, has_checkpoint=True),
            lambda: read_finished(tmp_path),
        ):
            with pytest.raises(UnreadableError, match=os.strerror(number)):
                read()
    assert cut_record(tmp_path, 1, print, has_checkpoint=True) == []

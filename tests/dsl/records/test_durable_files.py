"""Files that cannot be read now are told from missing ones; written ones survive a crash."""

import errno
import os
from pathlib import Path

import pytest

from dsl.errors import RecordError, UsageError
from dsl.records import durable_files
from dsl.records.durable_files import (
    UnreadableError,
    copy_atomically,
    list_if_present,
    read_if_present,
    refusing_unreadable,
    reporting_unwritable,
    write_atomically,
    write_record,
)
from dsl.records.same_run import require_same_run
from dsl.tracking.add_runs import find_runs
from dsl.training.policy import load_policy


def failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_missing_file_is_none(tmp_path):
    assert read_if_present(tmp_path / "absent") is None
    assert list_if_present(tmp_path / "absent") == []


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EMFILE])
def test_a_file_that_cannot_be_read_now_is_neither_missing_nor_damaged(
    tmp_path, monkeypatch, number
):
    path = tmp_path / "one"
    path.write_text("whole")
    with monkeypatch.context() as server:
        server.setattr("builtins.open", failing(number))
        server.setattr(os, "listdir", failing(number))
        reason = os.strerror(number)
        with pytest.raises(UsageError, match=f"{path}: cannot be read now .{reason}.; nothing was"):
            read_if_present(path)
        with pytest.raises(UnreadableError, match=reason):
            list_if_present(tmp_path)
    assert read_if_present(path) == b"whole"


def test_a_reason_that_will_not_pass_comes_with_what_helps(tmp_path):
    (tmp_path / "one").touch()
    said = "cannot be read .Not a directory.; nothing was changed. Move away the file that has the"
    with pytest.raises(UnreadableError, match=said):
        list_if_present(tmp_path / "one")


def test_the_file_of_another_user_names_its_owner(tmp_path, monkeypatch):
    path = tmp_path / "one"
    path.touch()
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    owner = durable_files._user_name(path.stat().st_uid)
    said = f"it belongs to {owner} and cannot be read by you"
    with pytest.raises(UnreadableError, match=said), refusing_unreadable(path):
        failing(errno.EACCES)()


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output")]
)
def test_a_record_that_cannot_be_written_is_named(tmp_path, monkeypatch, number, reason):
    monkeypatch.setattr(os, "replace", failing(number))
    with pytest.raises(RecordError, match=f"{tmp_path}/text: cannot be written .{reason}"):
        write_record(tmp_path / "text", "new")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Make room on that disk"),
        (errno.EDQUOT, "Make room within your quota"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "Mount that file system for writing"),
        (errno.EISDIR, "Move away the folder"),
        (errno.ENAMETOOLONG, "Choose a shorter name"),
        (errno.ESTALE, "Repeat the command when it can be written"),
    ],
)
def test_the_advice_fits_the_reason(tmp_path, monkeypatch, number, advice):
    monkeypatch.setattr(os, "replace", failing(number))
    with pytest.raises(RecordError) as caught:
        write_record(tmp_path / "text", "new")
    assert f"{advice}" in str(caught.value)
    assert ("Make room" in str(caught.value)) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_what_a_run_can_do_without_is_told_of_in_one_line(tmp_path, capsys):
    with reporting_unwritable(tmp_path / "one"):
        failing(errno.EACCES)()
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{tmp_path}/one: cannot be written (Permission denied). The run cont")


def test_a_second_failure_does_not_hide_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", failing(errno.ENOSPC))
    monkeypatch.setattr(Path, "unlink", failing(errno.EIO))
    (tmp_path / "source").touch()
    for write in (
        lambda: write_atomically(tmp_path / "one", "text"),
        lambda: copy_atomically(tmp_path / "source", tmp_path / "one"),
    ):
        with pytest.raises(OSError, match="No space left"):
            write()


def test_a_user_of_another_machine_is_named_by_number():
    assert durable_files._user_name(2**31 - 7) == f"user {2**31 - 7}"


def test_a_text_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "text"
    write_atomically(path, "before")
    assert path.read_text() == "before"
    with monkeypatch.context() as disk:
        disk.setattr(os, "replace", failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, "after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["text"]


def test_the_folder_is_on_the_disk_after_the_rename(tmp_path, monkeypatch):
    """In this order: text, name, folder. A power cut then leaves the old file or the new one."""
    done = []
    sync, replace = os.fsync, os.replace

    def note_sync(descriptor):
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    def note_replace(source, target):
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_atomically(tmp_path / "text", "new")
    assert done == [".text.tmp", "rename", tmp_path.name]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_of_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "text", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "text").stat().st_mode & 0o777 == mode


def test_a_folder_that_cannot_be_looked_into_is_named_by_whoever_reads_runs(tmp_path, monkeypatch):
    """Neither a traceback nor "is not there"."""
    run = tmp_path / "run"
    run.mkdir()
    with monkeypatch.context() as server:
        server.setattr(os, "stat", failing(errno.EACCES))
        said = rf"{run}: cannot be read now \(Permission denied"
        with pytest.raises(UnreadableError, match=said):
            load_policy(run)
        with pytest.raises(UnreadableError, match=said):
            require_same_run(run, "", print)
        folders, problems = find_runs([run])
    assert folders == []
    assert problems[0].startswith(f"{run}: cannot be read now (Permission denied")

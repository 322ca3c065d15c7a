"""Checkpoints on disk: whole or not at all, and verified."""

import errno
import json
import os

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsl.checkpoint import disk_format
from dsl.checkpoint.errors import DamagedError, IncompatibleError
from dsl.records.durable_files import UnreadableError

ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([1, 2], ml_dtypes.bfloat16),
    "count": np.array(7, np.int32),
    "none": np.zeros((0, 4), np.uint32),
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "one"
    disk_format.write_checkpoint(path, {"part": ARRAYS, "other": {"x": np.ones(3)}}, {"epoch": 3})
    return path


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_what_was_written_is_read(folder):
    assert_same(disk_format.read_arrays(folder, "part"), ARRAYS)
    assert disk_format.read_manifest(folder).metadata == {"epoch": 3}
    assert os.listdir(folder.parent) == ["one"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(array=hnp.arrays(st.sampled_from([np.float32, np.int32, np.bool_]), hnp.array_shapes()))
def test_every_array_comes_back_to_the_bit(array, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "one"
    disk_format.write_checkpoint(path, {"part": {"array": array}}, {})
    assert_same(disk_format.read_arrays(path, "part"), {"array": array})


def test_a_flipped_bit_anywhere_is_found(folder):
    """In every file, at a hundred places from its first byte to its last."""
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        for place in np.linspace(0, len(good) - 1, 100).astype(int):
            bad = bytearray(good)
            bad[place] ^= 1
            path.write_bytes(bad)
            part = "other" if path.name.startswith("other") else "part"
            with pytest.raises(DamagedError, match=path.name):
                disk_format.read_arrays(folder, part)
        path.write_bytes(good)
    assert_same(disk_format.read_arrays(folder, "part"), ARRAYS)


@pytest.mark.parametrize("name", ["manifest.json", "part.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 40])
def test_a_file_cut_short_is_found(folder, name, keep):
    path = folder / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedError, match=name):
        disk_format.read_arrays(folder, "part")


@pytest.mark.parametrize("name", ["manifest.json", "part.safetensors"])
def test_a_missing_file_is_found(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        disk_format.read_arrays(folder, "part")


def rewrite_manifest(folder, **changes):
    """A manifest that another version could have written."""
    manifest = json.loads((folder / "manifest.json").read_text())
    body = {**manifest["body"], **changes}
    text = json.dumps({"body": body, "sha256": disk_format._hash_body(body)})
    (folder / "manifest.json").write_text(text)


@pytest.mark.parametrize("number", [3, 0, "two", None])
def test_an_unknown_format_is_not_damage_and_names_both_versions(folder, number):
    rewrite_manifest(folder, format=number, written_by={"kilolayer": "9.1", "jax": "0.99"})
    with pytest.raises(IncompatibleError) as caught:
        disk_format.read_arrays(folder, "part")
    said = str(caught.value)
    assert (
        f"is in checkpoint format {number}; this version of kilolayer reads formats 1 to 2" in said
    )
    assert "written with kilolayer 9.1 (here " in said
    assert "jax 0.99 (here " in said
    assert "Nothing was changed" in said


def test_a_checkpoint_of_format_1_is_read(folder):
    """Which called the metadata `facts`, and did not say what wrote it."""
    body = json.loads((folder / "manifest.json").read_text())["body"]
    old = {"format": 1, "files": body["files"], "facts": {"epoch": 7}}
    text = json.dumps({"body": old, "sha256": disk_format._hash_body(old)})
    (folder / "manifest.json").write_text(text)
    manifest = disk_format.read_manifest(folder)
    assert (manifest.format, manifest.metadata, manifest.written_by) == (1, {"epoch": 7}, {})
    assert_same(disk_format.read_arrays(folder, "part"), ARRAYS)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("name", ["manifest.json", "part.safetensors"])
def test_what_cannot_be_read_now_is_not_damage(folder, monkeypatch, name, number):
    """And is read once the server is back."""
    real = open

    def refuse(path, *arguments, **options):
        if str(path).endswith(name):
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **options)

    with monkeypatch.context() as server:
        server.setattr("builtins.open", refuse)
        server.setattr("io.open", refuse)
        said = rf"{name}: cannot be read now \({os.strerror(number)}\); nothing was changed"
        with pytest.raises(UnreadableError, match=said):
            disk_format.read_arrays(folder, "part")
    assert_same(disk_format.read_arrays(folder, "part"), ARRAYS)


def test_a_folder_that_cannot_be_listed_is_not_a_missing_file(folder, monkeypatch):
    (folder / "part.safetensors").unlink()

    def refuse(_):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("dsl.checkpoint.disk_format.os.listdir", refuse)
    with pytest.raises(UnreadableError, match="Stale file handle"):
        disk_format.read_arrays(folder, "part")


def test_arrays_that_vanish_after_their_hash_was_right_are_not_damage(folder, monkeypatch):
    def refuse(_):
        raise disk_format.SafetensorError("I/O error")

    monkeypatch.setattr(disk_format.safetensors.numpy, "load_file", refuse)
    with pytest.raises(UnreadableError, match="I/O error"):
        disk_format.read_arrays(folder, "part")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_every_file_has_the_mode_of_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        disk_format.write_checkpoint(tmp_path / "one", {"part": ARRAYS}, {})
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "one").iterdir()}
    assert modes == {"manifest.json": mode, "part.safetensors": mode}


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, failing):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        disk_format.write_checkpoint(tmp_path / "one", {"part": ARRAYS}, {})
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []

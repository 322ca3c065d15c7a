"""Checkpoints on disk: whole or not at all, and verified."""

import json
import os

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsl.checkpoint import store
from dsl.checkpoint.store import DamagedError

ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([1, 2], ml_dtypes.bfloat16),
    "count": np.array(7, np.int32),
    "none": np.zeros((0, 4), np.uint32),
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "one"
    store.write(path, {"part": ARRAYS, "other": {"x": np.ones(3)}}, {"epoch": 3})
    return path


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_what_was_written_is_read(folder):
    assert_same(store.read(folder, "part"), ARRAYS)
    assert store.read_facts(folder) == {"epoch": 3}
    assert os.listdir(folder.parent) == ["one"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(array=hnp.arrays(st.sampled_from([np.float32, np.int32, np.bool_]), hnp.array_shapes()))
def test_every_array_comes_back_to_the_bit(array, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "one"
    store.write(path, {"part": {"array": array}}, {})
    assert_same(store.read(path, "part"), {"array": array})


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
                store.read(folder, part)
        path.write_bytes(good)
    assert_same(store.read(folder, "part"), ARRAYS)


@pytest.mark.parametrize("name", ["manifest.json", "part.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 40])
def test_a_file_cut_short_is_found(folder, name, keep):
    path = folder / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedError, match=name):
        store.read(folder, "part")


@pytest.mark.parametrize("name", ["manifest.json", "part.safetensors"])
def test_a_missing_file_is_found(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        store.read(folder, "part")


def test_another_format_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["body"]["format"] = 2
    manifest["sha256"] = store._digest(manifest["body"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedError, match="format 2"):
        store.read(folder, "part")


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, failing):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        store.write(tmp_path / "one", {"part": ARRAYS}, {})
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []

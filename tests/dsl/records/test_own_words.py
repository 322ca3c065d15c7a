"""Own words are copied with what they import from the same place, and with nothing else."""

import errno
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dsl.errors import UsageError
from dsl.records.own_words import collect_words, read_stored_words, store_words

SOURCES = {
    "mine.py": "import json\nimport mine_layers\nfrom minelab import losses\nimport dsl.errors\n",
    "mine_layers.py": "from mine_sizes import WIDTH\nimport numpy\n",
    "mine_sizes.py": "WIDTH = 3\n",
    "unrelated.py": "raise RuntimeError\n",
    "minelab/__init__.py": "",
    "minelab/losses.py": "from . import energies\nfrom .deep.sums import total\n",
    "minelab/energies.py": "def later():\n    from minelab import late\n",
    "minelab/late.py": "",
    "minelab/deep/__init__.py": "from ..energies import later\n",
    "minelab/deep/sums.py": "total = sum\n",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name, text in SOURCES.items():
        path = tmp_path / "place" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "place")
    before = set(sys.modules)
    yield tmp_path / "place"
    for name in set(sys.modules) - before:
        if name.startswith("mine"):
            del sys.modules[name]


@pytest.mark.usefixtures("place")
def test_a_module_is_copied_with_all_that_it_imports_from_beside_it():
    importlib.import_module("mine")
    found = collect_words(["mine"])
    expected = set(SOURCES) - {"unrelated.py"}
    assert list(found) == sorted(expected)
    assert all(found[name] == SOURCES[name] for name in found)


@pytest.mark.usefixtures("place")
def test_a_module_of_a_package_is_copied_with_the_packages_above_it():
    importlib.import_module("minelab.deep.sums")
    assert list(collect_words(["minelab.deep.sums"])) == [
        *("minelab/__init__.py", "minelab/deep/__init__.py"),
        *("minelab/deep/sums.py", "minelab/energies.py", "minelab/late.py"),
    ]


@pytest.mark.parametrize("module", ["json", "numpy", "dsl.errors", "never_imported"])
def test_installed_modules_and_the_project_are_no_own_words(module):
    assert collect_words([module]) == {}


def test_the_copy_runs_without_the_original(place, tmp_path):
    importlib.import_module("mine")
    store_words(tmp_path, collect_words(["mine"]))
    shutil.rmtree(place)
    root = Path(__file__).resolve().parents[3]
    code = f"import sys; sys.path += [{str(tmp_path / 'words')!r}, {str(root)!r}]; import mine"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


def test_a_source_that_is_gone_is_named(place):
    importlib.import_module("mine")
    (place / "mine.py").unlink()
    with pytest.raises(UsageError, match="the source of the own word 'mine' is gone"):
        collect_words(["mine"])


def test_words_that_have_changed_leave_the_earlier_ones_beside_them(tmp_path):
    assert store_words(tmp_path, {}) is None
    assert not (tmp_path / "words").exists()
    assert store_words(tmp_path, {"lab/a.py": "A = 1\n"}) is None
    assert store_words(tmp_path, {"lab/a.py": "A = 1\n"}) is None
    assert store_words(tmp_path, {"lab/a.py": "A = 2\n"}) == tmp_path / "words-1"
    assert (tmp_path / "words" / "lab" / "a.py").read_text() == "A = 2\n"
    assert (tmp_path / "words-1" / "lab" / "a.py").read_text() == "A = 1\n"


def test_a_copy_that_fails_leaves_the_earlier_words_as_they_were(tmp_path, monkeypatch):
    store_words(tmp_path, {"a.py": "A = 1\n", "b.py": "B = 1\n"})
    written = []

    def fill_the_disk(path, text):
        written.append(path)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_text(text)

    with monkeypatch.context() as disk:
        disk.setattr("dsl.records.own_words.write_atomically", fill_the_disk)
        with pytest.raises(OSError, match="No space left"):
            store_words(tmp_path, {"a.py": "A = 2\n", "b.py": "B = 2\n"})
    assert read_stored_words(tmp_path) == {"a.py": "A = 1\n", "b.py": "B = 1\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["words"]

"""Under which code a run may continue: the same own words; of the rest, changes are told."""

import errno
import os

import pytest

from dsl.errors import UsageError
from dsl.records.durable_files import UnreadableError
from dsl.records.own_words import store_words
from dsl.records.same_code import describe_code_changes, hash_words, require_same_words

WORDS = {"loss.py": "SCALE = 1\n", "nets/__init__.py": ""}
ENVIRONMENT = {
    "source": {"revision": "a" * 40, "dirty": False},
    "source_sha256": "1" * 64,
    "versions": {"jax": "0.10", "wandb": None},
}


@pytest.fixture
def folder(tmp_path):
    store_words(tmp_path, WORDS)
    return tmp_path


def test_the_same_words_and_a_run_without_a_copy_of_them_continue(folder, tmp_path_factory):
    assert require_same_words(folder, WORDS) == []
    assert require_same_words(tmp_path_factory.mktemp("old"), WORDS) == []


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ({**WORDS, "loss.py": "SCALE = 100\n"}, ["loss.py"]),
        ({**WORDS, "more.py": ""}, ["more.py"]),
        ({"loss.py": "SCALE = 1\n"}, ["nets/__init__.py"]),
        ({}, ["loss.py", "nets/__init__.py"]),
    ],
)
def test_changed_words_are_refused_by_name_unless_that_is_accepted(folder, now, changed):
    with pytest.raises(UsageError) as caught:
        require_same_words(folder, now)
    assert f"since this run was last trained: {', '.join(changed)}. " in str(caught.value)
    assert f"are in {folder}/words" in str(caught.value)
    assert "--accept-changes" in str(caught.value)
    assert require_same_words(folder, now, accept_changes=True) == changed


@pytest.mark.parametrize("function", ["open", "walk"])
def test_words_that_cannot_be_read_now_are_not_taken_for_changed(folder, monkeypatch, function):
    def refuse(*_, **__):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as server:
        server.setattr("io.open" if function == "open" else "os.scandir", refuse)
        with pytest.raises(UnreadableError, match="Stale file handle"):
            require_same_words(folder, WORDS, accept_changes=True)
    assert require_same_words(folder, WORDS) == []


def test_hashes_tell_sources_apart():
    hashes = hash_words({"a.py": "x", "b.py": "x", "c.py": "y"})
    assert hashes["a.py"] == hashes["b.py"] != hashes["c.py"]


def test_a_revision_and_versions_that_differ_are_told():
    now = {
        "source": {"revision": "b" * 40, "dirty": False},
        "source_sha256": "2" * 64,
        "versions": {"jax": "0.11", "wandb": None, "new": "1"},
    }
    said = describe_code_changes(ENVIRONMENT, now)
    assert said is not None
    assert "revision aaaaaaaaaaaa (now bbbbbbbbbbbb), jax 0.10 (now 0.11)." in said
    assert "new" not in said.split("environment.json")[0]


def test_uncommitted_changes_are_told_by_their_hash():
    said = describe_code_changes(ENVIRONMENT, {**ENVIRONMENT, "source_sha256": "2" * 64})
    assert said is not None
    assert "source 111111111111 (now 222222222222)" in said


@pytest.mark.parametrize("before", [{}, {"source": None}, ENVIRONMENT])
def test_the_same_code_and_unknown_code_are_passed_over(before):
    assert describe_code_changes(before, ENVIRONMENT) is None

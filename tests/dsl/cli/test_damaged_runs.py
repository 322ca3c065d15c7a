"""Every command on every part of a run folder that is missing, damaged or unreadable."""

import builtins
import errno
import io
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_runs import own_words, write_experiment

from dsl.checkpoint import disk_format
from dsl.checkpoint.run_checkpoints import CHECKPOINTS
from dsl.checkpoint.state_arrays import LEARNERS, split_state
from dsl.cli import play, report, run, track
from dsl.errors import UsageError
from dsl.language.configuration import load
from dsl.loop.run_position import RunPosition
from dsl.loop.training_loop import abstract_train_state
from dsl.records.description import describe_file
from dsl.records.own_words import store_words
from dsl.records.resume import Finished, mark_finished
from dsl.records.run_folder import RunFolder
from dsl.records.same_code import WORD_HASHES, hash_words
from dsl.training.build import build
from dsl.training.policy import load_policy

FILES = (
    *("config.gin", "operative.gin", "experiment.json", "environment.json", "metrics.jsonl"),
    *("finished.json", "aim_runs", ".lock", "words/toy_words.py"),
    *(f"checkpoints/iteration_000000002/{name}" for name in ("manifest.json", "rest.safetensors")),
    *(f"checkpoints/best_000000001/{name}" for name in ("manifest.json", "learners.safetensors")),
)
FOLDERS = (
    *("words", "checkpoints", "checkpoints/iteration_000000002", "checkpoints/best_000000001"),
    "pictures",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The file of an experiment, and the folder of a run of it that was to be shorter."""
    place = tmp_path_factory.mktemp("toy")
    file, out = write_experiment(place), place / "run"
    with own_words():
        configuration = load(file, [])
        experiment = build(configuration)
        with RunFolder.open(out) as folder:
            description = describe_file(configuration, file)
            words = description.pop("words")
            description["environment"][WORD_HASHES] = hash_words(words)
            store_words(out, words)
            folder.describe(**description)
        state = jax.tree.map(_zeros, abstract_train_state(experiment.program()))
    parts = split_state(state)
    metadata = {"position": RunPosition(2, 0, 2)._asdict(), "iterations_per_epoch": 1}
    where = out / CHECKPOINTS
    where.mkdir()
    disk_format.write_checkpoint(where / "iteration_000000002", parts, metadata)
    best = {LEARNERS: parts[LEARNERS]}
    disk_format.write_checkpoint(where / "best_000000001", best, {**metadata, "score": 1.0})
    lines = (f'{{"epoch": {n}, "env_steps": {n}, "eval/time_at_goal": 1.0}}\n' for n in range(2))
    (out / "metrics.jsonl").write_text("".join(lines))
    mark_finished(out, Finished(1, 1))
    (out / "aim_runs").write_text("abc run\n")
    (out / "pictures").mkdir()
    return file, out, experiment


def _zeros(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), leaf.shape)
    return np.zeros(leaf.shape, leaf.dtype)


@pytest.fixture
def quick(whole, monkeypatch):
    """Neither compiling nor drawing."""
    experiment = whole[2]
    for module in ("training.single_job", "training.policy", "report.data.parameters"):
        monkeypatch.setattr(f"dsl.{module}.build", lambda _: experiment)
    for name in (
        *("training.single_job.require_memory", "training.policy_pictures.show"),
        *("training.engine.train_run", "training.run_job.record_pictures"),
        *("tracking.add_runs.copy_run", "report.document.make.learning_curves"),
    ):
        monkeypatch.setattr(f"dsl.{name}", lambda *_, **__: None)
    monkeypatch.setattr("dsl.training.single_job.start_trackers", lambda *_: [_NoTracker()])
    monkeypatch.setattr("dsl.report.data.policies.play", lambda *_, **__: (None, None))
    monkeypatch.setattr("dsl.report.document.make.show_networks", lambda *_: {})


class _NoTracker:
    def close(self):
        pass


def load_alone(arguments):
    try:
        load_policy(*arguments, trust=True)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


COMMANDS = {
    "run": lambda file, out, _: run.main([str(file), "--out", str(out)]),
    "play": lambda _, out, to: play.main([str(out), "--trust", "--out", str(to / "play")]),
    "report": lambda _, out, to: report.main([str(out), "--trust", "--out", str(to / "report")]),
    "track": lambda _, out, to: track.main([str(out), "--repo", str(to)]),
    "load_policy": lambda _, out, to: load_alone([out]),  # noqa: ARG005
}
CONTENTS = {
    "empty": b"",
    "garbage": b"\xff\x00{]\n" * 9,
    "a list": b"[]\n",
    "a number": b"7\n",
    "an object": b'{"a": 1}\n',
    "null": b"null\n",
}


def _remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _put_folder(path):
    _remove(path)
    path.mkdir()


def _put_file(path):
    _remove(path)
    path.touch()


HARMS = {
    "missing": _remove,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a folder": _put_folder,
    **{name: lambda path, data=data: path.write_bytes(data) for name, data in CONTENTS.items()},
}
CASES = [
    *((name, harm) for name in FILES for harm in [*HARMS, "unreadable"]),
    *((name, harm) for name in FOLDERS for harm in ("missing", "a file", "a folder", "unreadable")),
]


@contextmanager
def refused(monkeypatch, place):
    """Nothing at or below a place can be opened or listed, and nothing below it can be seen."""

    def refusing(function, hidden):
        def call(path, *rest, **named):
            if isinstance(path, str | os.PathLike) and (
                Path(path) == hidden or place in Path(path).parents
            ):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return function(path, *rest, **named)

        return call

    with monkeypatch.context() as system:
        for module, name in (
            *((builtins, "open"), (io, "open"), (os, "open"), (os, "listdir"), (os, "scandir")),
            *((os, "stat"), (os, "lstat")),
        ):
            hidden = place if "stat" not in name else None
            system.setattr(module, name, refusing(getattr(module, name), hidden))
        yield


def record(out):
    paths = (path for path in out.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in paths if "__pycache__" not in path.parts}


# Each harm is tried by one command in turn; by the others only with `-m slow`.
GRID = [
    pytest.param(*case, command, marks=[] if turn % len(COMMANDS) == index else pytest.mark.slow)
    for turn, case in enumerate(CASES)
    for index, command in enumerate(COMMANDS)
]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("name", "harm", "command"), GRID)
def test_it_is_told_in_words_and_nothing_is_lost(
    whole, tmp_path, monkeypatch, capsys, name, harm, command
):
    file, original, _ = whole
    out = shutil.copytree(original, tmp_path / "run")
    if harm != "unreadable":
        {**HARMS, "a file": _put_file}[harm](out / name)
    before = record(out)
    place = out / name if harm == "unreadable" else tmp_path / "nothing"
    with own_words(), refused(monkeypatch, place):
        code = COMMANDS[command](file, out, tmp_path)
    said = capsys.readouterr().err
    assert code in (0, 2)
    assert code == 0 or str(out) in said
    if command != "run":
        assert record(out) == before
    elif code == 2:
        assert {k: v for k, v in record(out).items() if k.parent == out} == {
            k: v for k, v in before.items() if k.parent == out
        }
    else:
        epochs = before.get(out / "metrics.jsonl")
        assert epochs is None or record(out)[out / "metrics.jsonl"] == epochs

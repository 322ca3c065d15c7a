"""When checkpoints are written, which stay, and what a run goes on from."""

import errno
import os
import shutil
from pathlib import Path

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jumanji.types import StepType, restart

from components.env_dims import EnvDims
from components.protocols import LearnerState
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.checkpoint.errors import IncompatibleError
from dsl.checkpoint.manager import CheckpointManager
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.checkpoint.run_checkpoints import list_policies, read_newest_metadata
from dsl.errors import UsageError
from dsl.loop.finite_check import NonFiniteError
from dsl.loop.program import EnvBatch, TrainState
from dsl.loop.run_position import RunPosition
from dsl.records.durable_files import UnreadableError


class SimpleNetworks(eqx.Module):
    """The networks of a learner that has an actor alone."""

    actor: dict


def state(iteration=0, weight=1.0):
    """A run's state without a run: every kind of leaf, four rows of a buffer of ten written."""
    buffer = TrajectoryBuffer(10).init(EnvDims(2, 1, 1), 3)
    rows = jax.tree.map(lambda x: x.at[:4].set(iteration + 1), buffer.rows)
    buffer = eqx.tree_at(lambda b: (b.rows, b.written), buffer, (rows, jnp.int32(4)))
    networks, optimisers = {"actor": {"w": jnp.full(3, weight)}}, {"actor": jnp.ones(3)}
    learner = LearnerState(SimpleNetworks(**networks), optimisers, None, jnp.int32(5))
    keys = jax.random.split(jax.random.key(1), 3)
    envs = EnvBatch(keys, restart(jnp.zeros((3, 2))), jnp.arange(3))
    return TrainState(
        key=jax.random.key(0),
        iteration=jnp.int32(iteration),
        learners={"learner": learner},
        envs=envs,
        buffer=buffer,
        metric_sums={"critic_loss": jnp.float32(0.5)},
        nonfinite_resets=jnp.int32(0),
    )


def at(iterations, epoch=1):
    return RunPosition(epoch=epoch, iterations=iterations, wall_seconds=1.5)


def full(*_):
    raise OSError(28, "No space left on device")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def manager(folder, said=None, clock=None, **policy):
    say = (said if said is not None else []).append
    return CheckpointManager(folder, CheckpointPolicy(**policy), {"fact": 1}, say, clock or Clock())


def template():
    return eqx.filter_eval_shape(state)


def save(folder, *iterations, **policy):
    checkpoints = manager(folder, **policy)
    for number in iterations:
        checkpoints.save(state(number), at(number))
    checkpoints.wait_until_written()


def names(folder: Path):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_a_run_goes_back_to_an_earlier_checkpoint(tmp_path):
    save(tmp_path, 7, 9, 12, kept=3)
    back = manager(tmp_path)
    assert back.saved_iterations() == [7, 9, 12]
    found, position = back.restore_latest(template(), 9)
    assert (position.iterations, int(found.iteration)) == (9, 9)
    back.discard_after(9)
    assert back.saved_iterations() == [7, 9]
    (tmp_path / "checkpoints" / "iteration_000000007" / "manifest.json").unlink()
    assert back.restore_latest(template(), 8) is None  # damaged; the one after it stays
    assert back.saved_iterations() == [9]


def test_a_run_goes_on_from_what_was_saved(tmp_path):
    save(tmp_path, 7)
    found, position = manager(tmp_path).restore_latest(template())
    assert position == at(7)
    chex.assert_trees_all_equal(found, state(7), strict=True)
    assert found.envs.timestep.step_type.dtype == StepType.FIRST.dtype


def test_rows_never_written_take_no_room(tmp_path):
    import safetensors.numpy

    save(tmp_path, 7)
    file = tmp_path / "checkpoints" / "iteration_000000007" / "buffer.safetensors"
    arrays = safetensors.numpy.load_file(file)
    assert arrays["rows.state"].shape == (4, 3, 2)
    assert arrays["episode_end"].shape == (10, 3)


def test_nothing_to_go_on_from(tmp_path):
    assert manager(tmp_path).restore_latest(template()) is None


def test_the_last_ones_stay(tmp_path):
    save(tmp_path, 1, 2, 3, 10, kept=2)
    assert names(tmp_path) == ["iteration_000000003", "iteration_000000010"]


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "harm", "problem"),
    [
        ("buffer.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-1]), "is not"),
        ("learners.safetensors", flip, "is not"),
        ("manifest.json", Path.unlink, "is missing"),
    ],
    ids=["truncated", "flipped", "deleted"],
)
def test_a_damaged_one_is_named_renamed_and_the_one_before_used(tmp_path, name, harm, problem):
    save(tmp_path, 1, 2, kept=2)
    damaged = tmp_path / "checkpoints" / "iteration_000000002" / name
    harm(damaged)
    said = []
    _, position = manager(tmp_path, said).restore_latest(template())
    assert position.iterations == 1
    (line,) = said
    assert line.startswith(f"DAMAGED CHECKPOINT: {damaged} {problem}")
    assert names(tmp_path) == ["iteration_000000001", "iteration_000000002.damaged-1"]


def test_a_run_never_begins_again_unasked_however_often_it_is_started(tmp_path):
    save(tmp_path, 1, 2)
    for path in (tmp_path / "checkpoints").iterdir():
        (path / "learners.safetensors").write_bytes(b"short")
    for _ in range(3):
        checkpoints = manager(tmp_path)
        assert checkpoints.has_checkpoints()
        with pytest.raises(UsageError, match=r"every checkpoint is damaged.*--restart") as caught:
            checkpoints.restore_latest(template())
        assert "emove" not in str(caught.value)  # advises nobody to delete anything
        with pytest.raises(UsageError, match="every checkpoint is damaged"):
            checkpoints.refuse_lost_run()
    assert names(tmp_path) == ["iteration_000000001.damaged-1", "iteration_000000002.damaged-1"]


def test_a_copy_that_is_brought_back_is_used(tmp_path):
    save(tmp_path, 1)
    copy = shutil.copytree(tmp_path / "checkpoints" / "iteration_000000001", tmp_path / "copy")
    (tmp_path / "checkpoints" / "iteration_000000001" / "manifest.json").unlink()
    with pytest.raises(UsageError):
        manager(tmp_path).restore_latest(template())
    shutil.copytree(copy, tmp_path / "checkpoints" / "iteration_000000001")
    assert manager(tmp_path).restore_latest(template())[1].iterations == 1


def with_sums(**sums):
    return eqx.tree_at(lambda s: s.metric_sums, template(), sums)


def with_leaf(shape, dtype):
    return with_sums(critic_loss=jax.ShapeDtypeStruct(shape, dtype))


def with_rbg_keys():
    key = jax.eval_shape(lambda: jax.random.key(0, impl="rbg"))
    return eqx.tree_at(lambda s: s.key, template(), key)


OTHER_STATES = {
    "new field": (lambda: with_sums(critic_loss=0, new=0), "it has no metric_sums.new, which"),
    "old field": (lambda: with_sums(), "it has metric_sums.critic_loss, which"),
    "shape": (
        lambda: with_leaf((3,), "float32"),
        "metric_sums.critic_loss is float32() there and float32(3,) here.",
    ),
    "double precision": (
        lambda: with_leaf((), "float64"),
        "metric_sums.critic_loss is float32() there and float64() here; JAX_ENABLE_X64 differs",
    ),
    "random keys": (
        with_rbg_keys,
        "key is uint32(2,) there and uint32(4,) here; JAX_DEFAULT_PRNG_IMPL differs",
    ),
}


@pytest.mark.parametrize("name", OTHER_STATES)
def test_a_healthy_checkpoint_of_another_state_is_left_alone(tmp_path, name):
    make, cause = OTHER_STATES[name]
    other = make()
    save(tmp_path, 1, 2)
    before = contents(tmp_path)
    for _ in range(2):
        with jax.enable_x64(), pytest.raises(IncompatibleError) as caught:
            manager(tmp_path, said := []).restore_latest(other)
        assert f"iteration_000000002: does not fit this run: {cause}" in str(caught.value)
        assert "It was written with kilolayer " in str(caught.value)
        assert "JAX_ENABLE_X64 False (here True)" in str(caught.value)
        assert said == []
    assert contents(tmp_path) == before
    assert manager(tmp_path).restore_latest(template())[1].iterations == 2


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EMFILE, errno.EACCES])
def test_what_cannot_be_read_now_is_left_alone_and_read_later(tmp_path, monkeypatch, number):
    save(tmp_path, 1, 2)
    before = contents(tmp_path)
    with monkeypatch.context() as server:
        server.setattr("dsl.checkpoint.disk_format._hash_file", failing(number))
        with pytest.raises(UnreadableError, match=os.strerror(number)):
            manager(tmp_path, said := []).restore_latest(template())
    with monkeypatch.context() as server:
        server.setattr(os, "listdir", failing(number))
        for read in (list_policies, read_newest_metadata, manager):
            with pytest.raises(UnreadableError, match=os.strerror(number)):
                read(tmp_path)
    assert said == []
    assert contents(tmp_path) == before
    assert manager(tmp_path).restore_latest(template())[1].iterations == 2


def test_a_best_policy_that_cannot_be_read_now_is_left_alone(tmp_path, monkeypatch):
    best = manager(tmp_path)
    best.save_best(state().learners, at(1), 2.0)
    best.wait_until_written()
    with monkeypatch.context() as server:
        server.setattr(Path, "read_bytes", failing(errno.ESTALE))
        with pytest.raises(UnreadableError, match="Stale file handle"):
            manager(tmp_path)
    assert names(tmp_path) == ["best_000000001"]


def test_a_damaged_checkpoint_on_a_disk_that_cannot_be_written(tmp_path, monkeypatch):
    save(tmp_path, 1)
    (tmp_path / "checkpoints" / "iteration_000000001" / "manifest.json").unlink()
    monkeypatch.setattr(Path, "rename", failing(errno.EROFS))
    with pytest.raises(UsageError, match="cannot be renamed"):
        manager(tmp_path).restore_latest(template())


def failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_failed_write_is_told_and_harms_nothing(tmp_path, monkeypatch):
    save(tmp_path, 1, kept=1)
    checkpoints = manager(tmp_path, said := [], kept=1)
    with monkeypatch.context() as disk:
        disk.setattr("dsl.checkpoint.disk_format.safetensors.numpy.save_file", full)
        for _ in range(2):
            checkpoints.save(state(2), at(2))
            checkpoints.wait_until_written()
    assert checkpoints.failed
    assert "CHECKPOINT NOT WRITTEN" in said[0]
    assert "No space left on device" in said[0]
    assert names(tmp_path) == ["iteration_000000001"]
    checkpoints.save(state(2), at(2))
    checkpoints.wait_until_written()
    assert not checkpoints.failed
    assert said[1:] == [f"checkpoints are written again in {tmp_path / 'checkpoints'}"]
    assert names(tmp_path) == ["iteration_000000002"]


def test_a_failed_write_is_not_repeated_at_once(tmp_path, monkeypatch):
    clock = Clock()
    checkpoints = manager(tmp_path, said := [], clock=clock, minutes=1.0)
    clock.now = 60.0
    monkeypatch.setattr("dsl.checkpoint.disk_format.os.rename", full)
    checkpoints.save(state(1), at(1))
    checkpoints.wait_until_written()
    assert not checkpoints.should_save(at(2))
    clock.now = 120.0
    assert checkpoints.should_save(at(2))
    assert "Make room on that disk." in said[0]


def test_a_bug_while_writing_is_not_called_saved(tmp_path, monkeypatch):
    checkpoints = manager(tmp_path)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    monkeypatch.setattr("dsl.checkpoint.disk_format.write_checkpoint", lambda *_: {}["bug"])
    checkpoints.save(state(1), at(1))
    checkpoints.wait_until_written()
    assert checkpoints.failed


def test_the_best_is_one_that_was_written(tmp_path, monkeypatch):
    best = manager(tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr("dsl.checkpoint.disk_format.os.rename", full)
        best.save_best(state().learners, at(1), 2.0)
        best.wait_until_written()
    best.save_best(state().learners, at(2), 1.0)
    best.wait_until_written()
    assert names(tmp_path) == ["best_000000002"]


def test_networks_that_are_not_finite_are_never_saved(tmp_path):
    with pytest.raises(NonFiniteError, match=r"learner\.networks\.actor\.w .* in epoch 3"):
        manager(tmp_path).save(state(1, weight=np.nan), at(1, epoch=3))
    assert not (tmp_path / "checkpoints").exists()


def test_time_and_epochs_say_when(tmp_path):
    clock = Clock()
    checkpoints = manager(tmp_path, clock=clock, minutes=10.0, epochs=5)
    assert not checkpoints.should_save(at(1, epoch=4))
    assert checkpoints.should_save(at(1, epoch=5))
    clock.now = 599.0
    assert not checkpoints.should_save(at(1))
    clock.now = 600.0
    assert checkpoints.should_save(at(1))


def test_checkpoints_take_no_more_than_three_hundredths_of_the_time(tmp_path, monkeypatch):
    clock = Clock()
    checkpoints = manager(tmp_path, clock=clock, minutes=1.0)

    def slow(*_):
        clock.now += 30.0

    monkeypatch.setattr("dsl.checkpoint.disk_format.write_checkpoint", slow)
    checkpoints.save(state(1), at(1))
    checkpoints.wait_until_written()
    clock.now = 30.0 + 999.0
    assert not checkpoints.should_save(at(1))
    clock.now = 30.0 + 1000.0
    assert checkpoints.should_save(at(1))


def test_only_a_better_score_replaces_the_best(tmp_path):
    best = manager(tmp_path)
    for iterations, score in ((1, 2.0), (2, 1.0), (3, 2.0)):
        best.save_best(state().learners, at(iterations), score)
    best.wait_until_written()
    assert names(tmp_path) == ["best_000000001"]
    again = manager(tmp_path)  # another process, later
    again.save_best(state().learners, at(4), 2.0)
    again.save_best(state().learners, at(5), 2.5)
    again.wait_until_written()
    assert names(tmp_path) == ["best_000000005"]


def test_a_damaged_best_is_named_and_found_anew(tmp_path):
    best = manager(tmp_path)
    best.save_best(state().learners, at(1), 2.0)
    best.wait_until_written()
    (tmp_path / "checkpoints" / "best_000000001" / "manifest.json").write_text("{}")
    again = manager(tmp_path, said := [])
    assert "manifest.json is not what was written" in said[0]
    again.save_best(state().learners, at(4), 1.0)
    again.wait_until_written()
    assert names(tmp_path) == ["best_000000001.damaged-1", "best_000000004"]


def test_a_policy_is_the_best_or_the_newest(tmp_path):
    save(tmp_path, 1, 2)
    assert list_policies(tmp_path)[0].name == "iteration_000000002"
    best = manager(tmp_path)
    best.save_best(state().learners, at(1), 1.0)
    best.wait_until_written()
    assert list_policies(tmp_path)[0].name == "best_000000001"


def test_what_a_killed_process_left_is_cleared(tmp_path):
    left = tmp_path / "checkpoints" / ".tmp-iteration_000000001"
    left.mkdir(parents=True)
    (left / "learners.safetensors").write_bytes(b"half")
    manager(tmp_path)
    assert not left.exists()

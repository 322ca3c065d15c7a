"""When checkpoints are written, which stay, and what a run goes on from."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jumanji.types import StepType, restart

from components.env_dims import EnvDims
from components.learners.actor_critic import LearnerState, Networks
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.checkpoint.manager import CheckpointManager, RunPosition, policies
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.errors import UsageError
from dsl.loop.finite_check import NonFiniteError
from dsl.loop.program import EnvBatch, EpochState, TrainState


def progress(iteration=0, weight=1.0):
    """A run's state without a run: every kind of leaf, four rows of a buffer of ten written."""
    buffer = TrajectoryBuffer(10).init(EnvDims(2, 1, 1), 3)
    rows = jax.tree.map(lambda x: x.at[:4].set(iteration + 1), buffer.rows)
    buffer = eqx.tree_at(lambda b: (b.rows, b.written), buffer, (rows, jnp.int32(4)))
    networks = Networks({"w": jnp.full(3, weight)}, None, None)
    learner = LearnerState(networks, Networks(jnp.ones(3), None, None), None, jnp.int32(5))
    keys = jax.random.split(jax.random.key(1), 3)
    lanes = EnvBatch(keys, restart(jnp.zeros((3, 2))), jnp.arange(3))
    state = TrainState(jax.random.key(0), jnp.int32(iteration), {"learner": learner}, lanes, buffer)
    return EpochState(state, {"critic_loss": jnp.float32(0.5)}, jnp.int32(0))


def at(iterations, epoch=1):
    return RunPosition(epoch=epoch, iterations=iterations, wall_seconds=1.5)


def full(*_):
    raise OSError(28, "No space left on device")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def keeper(folder, said=None, clock=None, **cadence):
    say = (said if said is not None else []).append
    return CheckpointManager(
        folder, CheckpointPolicy(**cadence), {"fact": 1}, say, clock or Clock()
    )


def template():
    return eqx.filter_eval_shape(progress)


def save(folder, *iterations, **cadence):
    with_thread = keeper(folder, **cadence)
    for number in iterations:
        with_thread.save(progress(number), at(number))
    with_thread.wait()


def names(folder: Path):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_a_run_goes_back_to_an_earlier_checkpoint(tmp_path):
    save(tmp_path, 7, 9, 12, kept=3)
    back = keeper(tmp_path)
    assert back.iterations() == [7, 9, 12]
    found, position = back.resume(template(), 9)
    assert (position.iterations, int(found.state.iteration)) == (9, 9)
    back.forget_after(9)
    assert back.iterations() == [7, 9]
    (tmp_path / "checkpoints" / "iteration_000000007" / "manifest.json").unlink()
    assert back.resume(template(), 8) is None  # damaged; the one after it stays
    assert back.iterations() == [9]


def test_a_run_goes_on_from_what_was_saved(tmp_path):
    save(tmp_path, 7)
    found, position = keeper(tmp_path).resume(template())
    assert position == at(7)
    expected = progress(7)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        data = [jax.random.key_data(x) if x.dtype.name == "key<fry>" else x for x in (one, other)]
        np.testing.assert_array_equal(*data)
        assert data[0].dtype == data[1].dtype
    assert found.state.lanes.timestep.step_type.dtype == StepType.FIRST.dtype


def test_rows_never_written_take_no_room(tmp_path):
    import safetensors.numpy

    save(tmp_path, 7)
    file = tmp_path / "checkpoints" / "iteration_000000007" / "buffer.safetensors"
    arrays = safetensors.numpy.load_file(file)
    assert arrays["rows.state"].shape == (4, 3, 2)
    assert arrays["episode_end"].shape == (10, 3)


def test_nothing_to_go_on_from(tmp_path):
    assert keeper(tmp_path).resume(template()) is None


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
    _, position = keeper(tmp_path, said).resume(template())
    assert position.iterations == 1
    (line,) = said
    assert line.startswith(f"DAMAGED CHECKPOINT: {damaged} {problem}")
    assert names(tmp_path) == ["iteration_000000001", "iteration_000000002.damaged-1"]


def test_a_run_never_begins_again_unasked(tmp_path):
    save(tmp_path, 1, 2)
    for path in (tmp_path / "checkpoints").iterdir():
        (path / "manifest.json").unlink()
    with pytest.raises(UsageError, match="every checkpoint is damaged"):
        keeper(tmp_path).resume(template())


def test_the_state_of_another_run_is_refused(tmp_path):
    save(tmp_path, 1)
    other = eqx.tree_at(lambda p: p.sums, template(), {"actor_loss": jnp.zeros(())})
    with pytest.raises(UsageError, match="every checkpoint is damaged"):
        keeper(tmp_path, said := []).resume(other)
    assert "sums.actor_loss is not in both" in said[0]


def test_a_failed_write_is_told_and_harms_nothing(tmp_path, monkeypatch):
    save(tmp_path, 1, kept=1)
    with_thread = keeper(tmp_path, said := [], kept=1)
    with monkeypatch.context() as disk:
        disk.setattr("dsl.checkpoint.store.safetensors.numpy.save_file", full)
        with_thread.save(progress(2), at(2))
        with_thread.wait()
    assert with_thread.failed
    assert "CHECKPOINT NOT WRITTEN" in said[0]
    assert "No space left on device" in said[0]
    assert names(tmp_path) == ["iteration_000000001"]
    with_thread.save(progress(2), at(2))
    with_thread.wait()
    assert not with_thread.failed
    assert names(tmp_path) == ["iteration_000000002"]


def test_the_best_is_one_that_was_written(tmp_path, monkeypatch):
    best = keeper(tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr("dsl.checkpoint.store.os.rename", full)
        best.save_best(progress().state.learners, at(1), 2.0)
        best.wait()
    best.save_best(progress().state.learners, at(2), 1.0)
    best.wait()
    assert names(tmp_path) == ["best_000000002"]


def test_networks_that_are_not_finite_are_never_saved(tmp_path):
    with pytest.raises(NonFiniteError, match=r"learner\.networks\.actor\.w .* in epoch 3"):
        keeper(tmp_path).save(progress(1, weight=np.nan), at(1, epoch=3))
    assert not (tmp_path / "checkpoints").exists()


def test_time_and_epochs_say_when(tmp_path):
    clock = Clock()
    watched = keeper(tmp_path, clock=clock, minutes=10.0, epochs=5)
    assert not watched.due(at(1, epoch=4))
    assert watched.due(at(1, epoch=5))
    clock.now = 599.0
    assert not watched.due(at(1))
    clock.now = 600.0
    assert watched.due(at(1))


def test_checkpoints_take_no_more_than_three_hundredths_of_the_time(tmp_path, monkeypatch):
    clock = Clock()
    watched = keeper(tmp_path, clock=clock, minutes=1.0)

    def slow(*_):
        clock.now += 30.0

    monkeypatch.setattr("dsl.checkpoint.store.write", slow)
    watched.save(progress(1), at(1))
    watched.wait()
    clock.now = 30.0 + 999.0
    assert not watched.due(at(1))
    clock.now = 30.0 + 1000.0
    assert watched.due(at(1))


def test_only_a_better_score_replaces_the_best(tmp_path):
    best = keeper(tmp_path)
    for iterations, score in ((1, 2.0), (2, 1.0), (3, 2.0)):
        best.save_best(progress().state.learners, at(iterations), score)
    best.wait()
    assert names(tmp_path) == ["best_000000001"]
    again = keeper(tmp_path)  # another process, later
    again.save_best(progress().state.learners, at(4), 2.0)
    again.save_best(progress().state.learners, at(5), 2.5)
    again.wait()
    assert names(tmp_path) == ["best_000000005"]


def test_a_damaged_best_is_named_and_found_anew(tmp_path):
    best = keeper(tmp_path)
    best.save_best(progress().state.learners, at(1), 2.0)
    best.wait()
    (tmp_path / "checkpoints" / "best_000000001" / "manifest.json").write_text("{}")
    again = keeper(tmp_path, said := [])
    assert "manifest.json cannot be read" in said[0]
    again.save_best(progress().state.learners, at(4), 1.0)
    again.wait()
    assert names(tmp_path) == ["best_000000001.damaged-1", "best_000000004"]


def test_a_policy_is_the_best_or_the_newest(tmp_path):
    save(tmp_path, 1, 2)
    assert policies(tmp_path)[0].name == "iteration_000000002"
    best = keeper(tmp_path)
    best.save_best(progress().state.learners, at(1), 1.0)
    best.wait()
    assert policies(tmp_path)[0].name == "best_000000001"


def test_what_a_killed_process_left_is_cleared(tmp_path):
    left = tmp_path / "checkpoints" / ".tmp-iteration_000000001"
    left.mkdir(parents=True)
    (left / "learners.safetensors").write_bytes(b"half")
    keeper(tmp_path)
    assert not left.exists()

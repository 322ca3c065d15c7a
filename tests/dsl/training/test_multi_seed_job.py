"""Seeds that train together in one compiled program, each a run of its own in the records."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import chex
import numpy as np
import pytest
import safetensors.numpy
from toy_runs import (
    EXPERIMENT,
    assert_same_run,
    checkpoints,
    epochs,
    finish,
    looking_around,
    own_words,
    start_module,
    variables,
    write_experiment,
)

from components.environments import ant
from components.environments.core.physics.mjx import MJX
from dsl.cli import multi_seed, sweep
from dsl.records.file_lock import FileLock
from dsl.sweep.grid import group_by_seed, make_trials
from dsl.training.multi_seed_job import select_furthest_behind

# On two devices, two seeds each.
SEEDS, DEVICES = (0, 1, 2, 3), 2
# Saves and leaves after the third epoch, as on SIGTERM.
STOPPED = looking_around(
    "self._preemption.code = 143 if self.position.epoch == 3 else None", "look(self)"
)
# One of the seeds has a weight that is not a number.
POISONED = (
    "import equinox as eqx, jax, jax.numpy as jnp",
    "from dsl.training import multi_seed_job",
    "real = multi_seed_job.init_or_resume_seeds",
    "def poisoned(*args):",
    "    states, positions = real(*args)",
    "    bias = lambda s: s.learners['learner'].networks.actor.network.weight",
    "    spoiled = lambda x: jax.device_put(x.at[3].set(jnp.nan), x.sharding)",
    "    return eqx.tree_at(bias, states, replace_fn=spoiled), positions",
    "multi_seed_job.init_or_resume_seeds = poisoned",
)


def train(file, root, seeds=SEEDS, wrapper=(), devices=DEVICES):
    runs = [["--run", str(root / f"SEED={seed}"), str(file), f"SEED={seed}"] for seed in seeds]
    arguments = [word for one in runs for word in one]
    return finish(start_module("dsl.cli.multi_seed", arguments, wrapper, devices))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    text = EXPERIMENT + "Experiment.checkpoint_epochs = 1\nsweep.grid = {'SEED': [0, 1, 2, 3]}\n"
    return write_experiment(tmp_path_factory.mktemp("toy"), text)


@pytest.fixture(scope="module")
def whole(file):
    """A sweep of the seeds that nothing interrupts."""
    root = file.parent / "whole"
    with pytest.MonkeyPatch.context() as patch, own_words():
        for name, value in variables(DEVICES).items():
            patch.setenv(name, value)
        assert sweep.main([str(file), "--vmap-seeds", "--out", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def stopped(file):
    """The seeds after three epochs."""
    root = file.parent / "stopped"
    code, said = train(file, root, wrapper=STOPPED)
    assert code == 143
    assert "interrupted and saved" in said
    return root


@pytest.fixture(scope="module")
def mixed(file, whole, stopped):
    """A finished seed, one that has begun and one that waits, started together: root and words."""
    root = file.parent / "mixed"
    shutil.copytree(whole / "SEED=0", root / "SEED=0")
    shutil.copytree(stopped / "SEED=1", root / "SEED=1")
    code, said = train(file, root, seeds=(0, 1, 2), devices=1)
    assert code == 0
    return root, said


@pytest.fixture(scope="module")
def alone(mixed):
    """The seed that waited, which nobody could go beside."""
    return mixed[0] / "SEED=2"


def files(out):
    """Of the run, its pictures and its last checkpoint; `aim.log` tells that there is no Aim."""
    folders = (out, out / "pictures", checkpoints(out)[-1])
    return {path.relative_to(out) for folder in folders for path in folder.iterdir()} - {
        Path("aim.log")
    }


def arrays(out):
    """Of the last checkpoint."""
    parts = checkpoints(out)[-1].glob("*.safetensors")
    return {
        f"{part.stem}/{name}": array
        for part in parts
        for name, array in safetensors.numpy.load_file(part).items()
    }


def environment(out):
    return json.loads((out / "environment.json").read_text())


def test_each_seed_leaves_what_a_run_alone_leaves(whole, alone):
    together = whole / "SEED=2"
    assert files(together) == files(alone)
    assert (together / "operative.gin").read_text() == (alone / "operative.gin").read_text()
    assert (together / "finished.json").read_text() == (alone / "finished.json").read_text()
    assert [line.keys() for line in epochs(together)] == [line.keys() for line in epochs(alone)]
    chex.assert_trees_all_equal_shapes_and_dtypes(arrays(together), arrays(alone))
    assert environment(together)["seeds_together"] == [0, 1, 2, 3]
    assert "seeds_together" not in environment(alone)


def test_numbers_are_those_of_a_run_alone_up_to_rounding(whole, alone):
    """In the first epochs: training makes small differences grow."""
    together = epochs(whole / "SEED=2")
    for one, other in list(zip(together, epochs(alone), strict=True))[:4]:
        for name in one:
            np.testing.assert_allclose(
                np.float64(one[name]), np.float64(other[name]), 1e-3, 1e-4, err_msg=name
            )
    assert together != epochs(whole / "SEED=0")


def test_they_go_on_together_to_the_same_end_also_after_damage(file, whole, stopped, tmp_path):
    """The seeds whose last checkpoint is good go back to where the other one stands."""
    root = shutil.copytree(stopped, tmp_path / "runs")
    damaged = checkpoints(root / "SEED=1")[-1] / "learners.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    code, said = train(file, root)
    assert code == 0
    assert f"DAMAGED CHECKPOINT: {damaged} is" in said
    found = re.findall(r"resuming at epoch (\d)", said)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert found[0] < "3"
    for seed in SEEDS:
        assert_same_run(whole / f"SEED={seed}", root / f"SEED={seed}")
        before = environment(root / f"SEED={seed}")["earlier"]
        assert [one["seeds_together"] for one in before] == [[0, 1, 2, 3]]


def test_finished_begun_and_waiting_seeds(whole, mixed):
    root, said = mixed
    assert f"finished already: {root / 'SEED=0'}" in said
    assert said.count("compiling the training loop") == 2  # each that is left by itself
    assert_same_run(whole / "SEED=0", root / "SEED=0")
    assert epochs(root / "SEED=1")[:3] == epochs(whole / "SEED=1")[:3]
    for seed in (1, 2):
        assert [line["epoch"] for line in epochs(root / f"SEED={seed}")] == list(range(7))
        assert f"done: {root / f'SEED={seed}'}" in said


def test_a_seed_that_is_not_finite_is_set_aside(file, whole, tmp_path):
    code, said = train(file, tmp_path, wrapper=POISONED)
    assert code == 3
    aside = tmp_path / "SEED=3" / "nonfinite"
    assert f"The state is in {aside}. The other seeds continue." in said
    assert said.strip().splitlines()[-1].endswith(f"The state is in {aside}.")
    assert not checkpoints(tmp_path / "SEED=3")
    assert not (tmp_path / "SEED=3" / "finished.json").exists()
    for seed in SEEDS[:3]:
        assert_same_run(whole / f"SEED={seed}", tmp_path / f"SEED={seed}")


def test_a_folder_in_use_stops_all_before_they_begin(file, tmp_path, capsys):
    (tmp_path / "SEED=1").mkdir()
    lock = FileLock(tmp_path / "SEED=1" / ".lock")
    assert lock.acquire()
    runs = [["--run", str(tmp_path / f"SEED={seed}"), str(file), f"SEED={seed}"] for seed in (0, 1)]
    with own_words():
        assert multi_seed.main([*runs[0], *runs[1]]) == 2
    lock.release()
    assert f"{tmp_path / 'SEED=1'}: in use by process " in capsys.readouterr().err
    assert not (tmp_path / "SEED=0" / "operative.gin").exists()


def test_runs_that_differ_in_more_are_refused(file, tmp_path, capsys):
    runs = [
        ["--run", str(tmp_path / value), str(file), value]
        for value in ("BATCH_SIZE=8", "BATCH_SIZE=16")
    ]
    with own_words():
        assert multi_seed.main([*runs[0], *runs[1]]) == 2
    assert "the runs differ in more than their seeds" in capsys.readouterr().err


def test_the_points_of_a_sweep_are_grouped_by_all_but_their_seeds(file, tmp_path, capsys):
    grid = "sweep.grid={'SEED': [3, 4], 'BATCH_SIZE': [8, 16]}"
    with own_words():
        groups = group_by_seed(make_trials(file, [grid], tmp_path))
        names = [[point.folder.name for point in group] for group in groups]
        assert names == [
            ["SEED=3,BATCH_SIZE=8", "SEED=4,BATCH_SIZE=8"],
            ["SEED=3,BATCH_SIZE=16", "SEED=4,BATCH_SIZE=16"],
        ]
        none = "sweep.grid={'BATCH_SIZE': [8, 16]}"
        command = [str(file), "--vmap-seeds", "--set", none, "--out", str(tmp_path)]
        assert sweep.main(command) == 2
    assert "no two of its 2 runs differ in their seeds alone" in capsys.readouterr().err


ANT = ant()


def of_task(environment):
    """As much of an experiment as tells its engine."""
    return SimpleNamespace(environment=environment, evaluation_tasks={})


def saved_at(iterations):
    """The checkpoints of a run, by the iterations that they were written after."""
    return SimpleNamespace(saved_iterations=lambda: iterations)


@pytest.mark.parametrize(
    ("checkpoints", "group", "iterations"),
    [
        ({"a": [], "b": []}, "ab", 0),
        ({"a": [4, 8], "b": [4, 8]}, "ab", 8),
        ({"a": [4, 8], "b": [4], "c": [8]}, "ab", 4),
        ({"a": [4, 8, 12], "b": [4]}, "b", 4),  # two checkpoints are too much to do again
        ({"a": [4], "b": []}, "b", 0),
    ],
)
def test_who_goes_on_together(checkpoints, group, iterations):
    jobs = [
        SimpleNamespace(name=name, schedule=1, experiment=of_task(ANT), checkpoints=saved_at(at))
        for name, at in checkpoints.items()
    ]
    found, start = select_furthest_behind(jobs)
    assert "".join(job.name for job in found) == group
    assert start == iterations


@pytest.mark.parametrize("other", [{"schedule": 2}, {"experiment": of_task(ant(physics=MJX()))}])
def test_runs_with_other_epochs_or_engines_do_not_go_on_together(other):
    of_one = {"schedule": 1, "experiment": of_task(ANT), "checkpoints": saved_at([4])}
    jobs = [SimpleNamespace(**of_one), SimpleNamespace(**{**of_one, **other})]
    assert select_furthest_behind(jobs) == ([jobs[0]], 4)

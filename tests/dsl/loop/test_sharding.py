"""Runs that several devices share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import chex
import numpy as np
import pytest
from on_devices import CAPACITY
from word_values import EXPECTED

from dsl.loop import sharding

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def report():
    """What `tests/on_devices.py` found; the number of devices is fixed once JAX has started."""
    variables = {
        "JAX_NUM_CPU_DEVICES": "8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        # Programs are split before they are optimised.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, "-W", "error", str(ROOT / "tests" / "on_devices.py")]
    done = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("several", ["two", "eight"])
def test_a_run_does_not_depend_on_how_many_devices_it_has(report, several):
    assert report["one"].keys() == report[several].keys()
    for name, value in report["one"].items():
        np.testing.assert_allclose(report[several][name], value, 1e-3, 1e-5, err_msg=name)


def test_environments_and_rows_are_split_and_weights_are_not(report):
    assert report["devices chosen"] == 8
    shares = {"rows": [CAPACITY, 2, 1], "envs": [2], "weights": [2, 8]}
    assert report["shares of eight"] == shares
    assert report["envs of two"] == [8]
    assert report["rows of two"] == [CAPACITY, 16, 1]


def test_losses_and_energies_have_the_same_values_on_two_devices(report):
    found = {name: np.array(value) for name, value in report["words"].items()}
    chex.assert_trees_all_close(found, EXPECTED, rtol=1e-5, atol=1e-5)
    assert report["rows of energies"] == [2, 2]


def test_drawing_a_batch_leaves_the_buffer_where_it_is(report):
    assert report["reduced"] > 0
    assert not [shape for shape in report["gathered"] if str(CAPACITY) in shape.split(",")]


def test_fused_stacks_gather_no_batch_and_add_their_gradients(report):
    assert report["gathered by the stack"] == []
    for alone, shared in zip(report["stack alone"], report["stack shared"], strict=True):
        np.testing.assert_allclose(shared, alone, 1e-4, 1e-5)


def test_micro_batches_are_shared_by_all_devices_and_gathered_on_none(report):
    for alone, shared in zip(
        report["accumulated alone"], report["accumulated shared"], strict=True
    ):
        np.testing.assert_allclose(shared, alone, 1e-4, 1e-5)
    # Embeddings of the 16 rows of a micro-batch, and their squared norms.
    assert set(report["gathered by accumulation"]) == {"64,16", "16"}


def test_the_loop_of_several_devices_adds_one_trace_of_the_update(report):
    assert report["traces of eight"] == 2


@pytest.mark.parametrize(
    ("available", "counts", "usable"),
    [(8, (64, 32), 8), (8, (12, 20), 4), (6, (64, 32), 4), (4, (3, 8), 1), (2, (62, 256), 2)],
)
def test_the_most_devices_with_equal_shares(available, counts, usable):
    assert sharding.usable_devices(available, *counts) == usable

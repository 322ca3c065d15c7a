"""Updates compiled for cards that need not exist, where JAX's CUDA packages are installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PLUGINS = ("jax_plugins.xla_cuda12", "jax_plugins.xla_cuda13")
# Counted with JAX 0.10.2, at width 64 and batch 32: a drawn batch, all losses, metrics and Adam.
KERNELS = {"shallow": 80, "deep": 83}
MORE = 20  # that another version of XLA may launch
REGISTERS, SHARED = 168, 232_448  # of a thread of 384, and bytes of a program, on an H100
STACK = 8 * (64 * 64 + 3 * 64)  # parameters of one stack of eight layers


def has_cuda():
    """Whether a program can be compiled for a GPU."""
    try:
        return any(importlib.util.find_spec(name) for name in PLUGINS)
    except ModuleNotFoundError:
        return False


def arrays_of(kind, found):
    """What collectives of this kind work on."""
    return [x for name, arrays in found["collectives"] for x in arrays if name == kind]


pytestmark = pytest.mark.skipif(
    not has_cuda(), reason="JAX's CUDA packages are missing: pip install -e '.[cuda]'"
)


@pytest.fixture(scope="module")
def report():
    """What `tests/on_card.py` found; JAX must know from its start that there is no GPU."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests" / "on_card.py")],
        env=os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_an_update_is_one_graph_without_a_loop_over_layers(report, depth):
    found = report[depth]
    assert (found["graphs"], found["loops"]) == (1, 0)
    assert found["in_graphs"] == found["kernels"]
    assert found["kernels"] < KERNELS[depth] + MORE


def test_sixty_layers_more_cost_few_kernels(report):
    assert report["deep"]["kernels"] - report["shallow"]["kernels"] < MORE


def test_kernels_of_three_passes_spill_nothing(report):
    one, three = report["one pass"], report["three passes"]
    assert three["products"] == 3 * one["products"] > 0
    assert {*one["spilt"], *three["spilt"]} == {0}


def test_plain_stacks_are_unrolled_into_a_graph_too(report):
    assert report["plain"]["loops"] == 0
    assert report["plain"]["graphs"] == 1


def test_cards_exchange_gradients_and_embeddings_and_never_a_layer(report):
    found = report["eight"]
    assert found["devices"] == 8
    reduced = [x for x in arrays_of("all-reduce", found) if x.startswith("f32")]
    assert sum(int(array[4:-1] or 1) for array in reduced) > 3 * STACK  # actor and two encoders
    # Embeddings of the whole batch of 32, their norms, and indices of the draw.
    assert set(arrays_of("all-gather", found)) == {"f32[32,64]", "f32[32]", "s32[32,2]"}


def test_control_steps_and_substeps_are_the_only_loops_of_a_robot(report):
    found = report["robot"]
    assert (found["loops"], found["open_loops"]) == (2, 0)


def test_stacks_on_mosaic_gpu_fit_into_registers_and_shared_memory(tmp_path):
    """Both passes at width 256, in bfloat16 and tf32."""
    out, script = tmp_path / "mosaic.jsonl", ROOT / "benchmarks" / "mosaic_stack.py"
    subprocess.run(
        [sys.executable, str(script), "--out", str(out), "--widths", "256", "--no-variants"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(r["row"]["pass"], r["row"]["precision"]) for r in rows] == [
        ("forward", "bfloat16"),
        ("backward", "bfloat16"),
        ("forward", "tf32"),
        ("backward", "tf32"),
    ]
    assert {row["spilled"] for row in rows} == {0}
    assert all(row["registers"] <= REGISTERS and row["shared"] <= SHARED for row in rows)

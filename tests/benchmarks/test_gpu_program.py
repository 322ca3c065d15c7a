"""Tables of `benchmarks/gpu_program.py`, and the origins of kernels."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RESULT = {
    "cpu_seconds": 12.4,
    "kernels": 1900,
    "in_graphs": 1890,
    "graphs": 2,
    "loops": 1,
    "open_loops": 0,
    "gigaflops": {"tf32": 3.25, "float32": 0.1},
    "memory_mib": 798.4,
    "temporary_mib": 26.9,
}
BOUND = {"moved_mib": 19.5, "binding": "launches", "launches_ms": 1.9, "products_ms": 0.01}


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module as scripts do."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def row(part, card, depth):
    named = {"part": part, "card": card, "depth": depth}
    return {**named, "kernel": "fused", "batch": 512, "precision": "float32"}


def test_tables_hold_the_latest_result_in_order(module):
    older = RESULT | BOUND | {"memory_ms": 0.006, "kernels": 7}
    update = RESULT | BOUND | {"memory_ms": 0.006}
    text = module("gpu_program_tables").markdown_tables(
        [
            {"row": row("update", "a100", 4), "result": update},
            {"row": row("update", "h100", 1024), "result": older},
            {"row": row("update", "h100", 1024), "result": update},
            {"row": row("update", "h100", 16), "error": "does not compile"},
            {"row": row("collection", "h100", 4), "result": RESULT | {"open_loops": 1}},
        ]
    )
    lines = [line for line in text.splitlines() if line.startswith(("| h100", "| a100", "| coll"))]
    assert lines == [
        "| h100 | 512 | 1024 / 512 | float32 | fused | 1,900 | 2 | 10 | 1 | 3.4 | 20 | 798 | 27 "
        "| 1.90 | launches | 12 |",
        "| a100 | 512 | 4 | float32 | fused | 1,900 | 2 | 10 | 1 | 3.4 | 20 | 798 | 27 "
        "| 1.90 | launches | 12 |",
        "| collection | h100 | 4 | float32 | 1,900 | 2 | 10 | 1 (1 of unknown length) | 3.4 | 798 "
        "| 12 |",
    ]


@pytest.mark.parametrize(
    ("name", "path", "origin"),
    [
        ("pallas_call.4", "learner/actor/jvp(vmap())/stack_forward/pallas_call", "stacks forward"),
        ("input_concatenate_fusion.7", "learner/actor/jvp(vmap())/stack", "packing and copies"),
        ("copy.24", "", "packing and copies"),
        ("loop_add_fusion.19", "jit(f)/jit(_threefry_fold_in)/add", "drawing and relabelling"),
        ("loop_add_fusion.11", "jit(f)/learner/actor/add", "Adam and new weights"),
        ("input_reduce_fusion.3", "jit(f)/learner/critic/reduce_sum", "norms of gradients"),
        ("loop_add_fusion.12", "", "without a name"),
    ],
)
def test_a_kernel_comes_from_where_its_path_says(module, name, path, origin):
    assert module("gpu_program_origins").origin_of(name, path) == origin

"""Kernels of a control step, counted by origin."""

import importlib
from pathlib import Path

import pytest

from dsl.training.card.thunks import Launch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAM = """\
  %add.1 = f32[2] fusion(%a), metadata={op_name="jit(f)/while/body/vmap(physics)/solve/add"}
  %mul.2 = f32[2] fusion(%a), metadata={op_name="jit(f)/while/body/vmap(reset/observation)/mul"}
  %sub.3 = f32[2] fusion(%a), metadata={op_name="jit(f)/while/body/sub"}
  %while.5 = f32[2] while(%a), metadata={op_name="jit(f)/while/body/vmap(physics)/while"}
"""


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("gpu_control_step")


def test_kernels_count_by_origin_and_open_loops_with_their_most_rounds(module):
    launches = [
        Launch("kCommandBuffer", "", 10, False),
        Launch("kCustomKernel", "mul.2", 10, True),
        Launch("kCustomKernel", "sub.3", 10, True),
        Launch("kCopy", "copy.4", 10, False),
        Launch("kCopy", "copy.6", 50, False, loop="while.5"),
        Launch("kWhile", "", 10, False),
        Launch("kCommandBuffer", "", 10, False, True),
        Launch("kCustomKernel", "add.1", 10, True, True),
    ]
    assert module.count_by_origin(launches, PROGRAM, rounds=3) == {
        "reset": 10,
        "bookkeeping": 20,
        "physics": 80,
        "kernels": 110,
        "in graphs": 50,
        "outside of graphs": 60,
        "graphs": 40,
        "loops": 10,
    }


def test_the_table_holds_the_latest_count_of_each_task(module):
    older = {"task": "ant", "kernels": 7, "cpu_seconds": 1}
    latest = {"task": "ant", "kernels": 1300.4, "physics": 1200, "cpu_seconds": 15.2}
    point = {"task": "point, maze", "kernels": 90, "cpu_seconds": 2}
    lines = module.steps_table([older, latest, point]).splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| point, maze", "90"],
        ["| ant", "1,300"],
    ]
    assert lines[3].endswith("| 15 |")

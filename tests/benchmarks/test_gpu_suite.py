"""Rows, record and tables of `benchmarks/gpu_suite.py`."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ["xla", "fused"]
CHECK = {"stage": "stacks", "kind": "check", "depth": 64, "width": 256, "batch": 512}
TIME = {**CHECK, "kind": "time", "kernel": "fused", "rows": 16, "warps": 8, "stages": 3}


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module as scripts do."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


def test_stages_come_in_the_order_of_their_value(module):
    rows = module("gpu_rows")
    assert " ".join(rows.STAGES) == "correctness updates stacks card learning iterations figure"
    names = [row["name"] for (row,) in rows.row_groups("learning", KERNELS)]
    assert names[:4] == ["ant_4", "ant_u4_maze_4", "ant_u4_maze_16", "humanoid_4"]


@pytest.mark.parametrize("small", [False, True])
def test_every_stage_has_rows_of_its_own_that_a_record_can_hold(module, small):
    rows = module("gpu_rows")
    found = [
        json.dumps(row)
        for stage in rows.STAGES
        for group in rows.row_groups(stage, KERNELS, small=small)
        for row in group
    ]
    assert len(found) == len(set(found))
    stages = {json.loads(row)["stage"] for row in found}
    others = {"update_error", "physics_error", "environments"}
    assert stages == {*rows.STAGES, *others} - {"correctness"}


def test_files_that_runs_name_exist_and_folders_are_their_own(module):
    rows = module("gpu_rows")
    runs = [row for s in ("learning", "figure") for (row,) in rows.row_groups(s, KERNELS)]
    assert {row["file"] for row in runs} <= {
        str(path.relative_to(ROOT)) for path in (ROOT / "experiments").rglob("*.gin")
    }
    assert len({row["name"] for row in runs}) == len(runs) == 10


def test_a_record_forgets_a_line_that_was_cut_off(module, tmp_path, capsys):
    path, record = tmp_path / "card.jsonl", module("gpu_record").Record
    record(path).add({"row": {"depth": 4}, "result": {"ms": 1.5}})
    with open(path, "a") as file:
        file.write('{"row": {"depth": 16}, "resu')
    again = record(path)
    assert (again.has({"depth": 4}), again.has({"depth": 16})) == (True, False)
    again.add({"row": {"depth": 16}, "error": "killed"})
    assert [json.loads(line)["row"] for line in path.read_text().splitlines()] == [
        {"depth": 4},
        {"depth": 16},
    ]
    assert not record(path).has({"depth": 16})
    assert "killed" in capsys.readouterr().out


def test_tables_of_errors_and_of_tiles(module):
    update = {"stage": "update_error", "depth": 4, "kernel": "fused", "precision": "float32"}
    errors = {"critic_error": 2.5e-4, "actor_error": 1e-3, "split_error": 0.0}
    check = {"verdict": "OK", "fused": [1e-4, 2e-4], "xla": [3e-4, 1e-4]}
    text = module("gpu_tables").markdown_tables(
        [
            {"row": update, "result": errors},
            {"row": {**CHECK, "precision": "tf32"}, "result": check},
            {"row": {**TIME, "precision": "tf32"}, "result": {"ms": 1.1605, "us_per_layer": 18.13}},
        ]
    )
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[2] == "| 4 | fused | float32 | 2.5e-04 | 1.0e-03 | 0.0e+00 |"
    assert lines[5:] == [
        "| check | 64 | 256 | 512 | tf32 | both |  | OK, 2.0e-04 against 3.0e-04 |",
        "| time | 64 | 256 | 512 | tf32 | fused | 16x8x3 | 1.161 ms, 18.13 us a layer |",
    ]

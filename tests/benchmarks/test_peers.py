"""Processes that take turns, and the ratios that `benchmarks/peers.py` prints of them."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# Counts its turns, and prints what must not be taken for an answer.
COUNTER = """
from turns import Turns
turns = Turns()
for number in range(3):
    print("epoch", number)
    turns.reply({"turn": number})
"""


@pytest.fixture
def modules(monkeypatch):
    """`turns` and `peers`, which import each other as scripts do."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("turns"), importlib.import_module("peers")


def start(turns, code, log):
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    return turns.Worker("counter", [sys.executable, "-S", "-c", code], environment, log)


def test_a_worker_answers_once_a_turn_and_prints_elsewhere(modules, tmp_path):
    with open(tmp_path / "log", "w") as log:
        worker = start(modules[0], COUNTER, log)
        assert [worker.answer(), worker.take_turn(), worker.take_turn()] == [
            {"turn": number} for number in range(3)
        ]
        worker.close()
    assert (tmp_path / "log").read_text().startswith("epoch 0\n")


def test_a_worker_that_ends_is_named_with_its_log(modules, tmp_path):
    with open(tmp_path / "log", "w") as log:
        worker = start(modules[0], "raise SystemExit(3)", log)
        with pytest.raises(SystemExit, match=r"counter ended with exit code 3; see .*log"):
            worker.answer()
        worker.close()


def test_ratios_are_taken_within_a_round_at_the_peers_better_side(modules, capsys):
    rounds = [
        {
            ("ours", "all cores"): 100.0 * scale,
            ("ours", "one core"): 60.0 * scale,
            ("peer", "all cores"): 20.0,
            ("peer", "one core"): 25.0,
        }
        for scale in (1, 2, 3)
    ]
    modules[1].print_comparison("peer", {"depth": 4}, {"ours": "2", "peer": "1"}, rounds)
    printed = capsys.readouterr().out
    assert "| 200 | 120 | 20 | 25 | 8.0 | 4.8 |" in printed
    assert "| ours | 200 (100 to 300) | 120 (60 to 180) | 2 |" in printed
    assert "ours by peer, the better of its two: 8.0 (4.0 to 12.0)" in printed
    assert "one core each: 4.8 (2.4 to 7.2)" in printed


def test_the_commit_of_a_clone_is_read(modules, tmp_path):
    assert modules[1].read_commit(str(tmp_path)) == "commit unknown"
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    for command in (("init", "-q"), (*identity, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert re.fullmatch("[0-9a-f]{7,}", modules[1].read_commit(str(tmp_path)))

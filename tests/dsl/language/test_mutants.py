"""A shipped file with one changed line is refused, or means what the change says."""

import pytest
from mutants import Mutant, all_mutants, fault

from dsl.language.sources import EXPERIMENTS

FEW = [EXPERIMENTS / f"{n}.gin" for n in ("ant_maze_1024_stable", "mini/collector_and_learners")]


def faults(mutants: list[Mutant]) -> list[str]:
    return [f"{m.file.name}, {m.change}: {found}" for m in mutants if (found := fault(m))]


def test_a_sample_of_changes():
    mutants = all_mutants(FEW)
    scopes = [m for m in mutants if m.renamed and f"@{m.renamed[1]}/" in m.text]
    assert faults([*mutants[:40], *scopes[:20]]) == []


@pytest.mark.slow
def test_every_change_of_every_shipped_file():
    mutants = all_mutants(sorted(EXPERIMENTS.rglob("*.gin")))
    assert len(mutants) > 10_000
    assert faults(mutants) == []

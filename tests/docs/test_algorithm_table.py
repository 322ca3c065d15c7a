"""The table of algorithms is the one that the gin files give."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("algorithm_table", DOCS / "algorithm_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(tables):
    assert tables.PAGE.read_text() == tables.written(), "run python docs/algorithm_table.py"


def test_rows_say_what_the_files_say(tables):
    rows = {row.split("`")[1]: row for row in tables.table().splitlines()[2:]}
    assert {"contrastive", "sac", "sac_her", "td3", "ddpg", "gcbc", "gcsl", "c_learning"} <= set(
        rows
    )
    assert rows["td3_her"] == (
        "| [`td3_her`](../experiments/base/td3_her.gin) | `DeterministicActor` | `QEnsemble` |  "
        "| `ClippedDoubleQ` | `Mixture` `UniformFuture` `Commanded` | `DeterministicGradient` |  "
        "| `Polyak` |"
    )

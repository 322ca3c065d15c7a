"""docs/architecture.md names files that exist, and every family of words."""

import re
from pathlib import Path

import pytest

from dsl.language.registry import default_vocabulary

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
# Paths of the two tables are relative to the package that their heading names.
PLACES = ROOT, ROOT / "components", ROOT / "dsl"
PATHS = sorted(set(re.findall(r"`((?:\w+/)+(?:\w+\.(?:pyi?|gin))?|\w+\.py)`", PAGE)))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path):
    assert any((place / path).exists() for place in PLACES)


def test_every_family_is_named():
    families = {word.split(".")[0] for word in default_vocabulary().words}
    assert len(families) > 10
    for family in families - {"env", "Experiment"}:
        assert f"`{family}`" in PAGE

"""Shape of the tree, as far as the import contracts in `pyproject.toml` do not tell."""

from pathlib import Path

import grimp

import dsl

ROOT = Path(__file__).resolve().parents[1]
MOST_IMPORTS = 45


def package_of(module):
    return ".".join(module.split(".")[:2])


def package_imports():
    """Pairs of a package or module directly under `dsl` and another one that it imports."""
    graph = grimp.build_graph("dsl", cache_dir=None)
    for name in graph.find_children("dsl"):
        graph.squash_module(name)
    pairs = {(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)}
    # The public face imports lazily, as its stub says; grimp does not read stubs.
    pairs |= {("dsl", package_of(getattr(dsl, name).__module__)) for name in dsl.__all__}
    return {(a, b) for a, b in pairs if a != b}


def test_packages_import_few_others():
    found = package_imports()
    assert ("dsl.training", "dsl.loop") in found
    assert len(found) <= MOST_IMPORTS, sorted(found)


def test_tests_mirror_the_tree():
    tests = {p.relative_to(ROOT / "tests") for p in (ROOT / "tests").glob("[dc]*/**/test_*.py")}
    folders = {p.parent for p in tests if p.parts[0] in ("dsl", "components")}
    assert len(folders) > 20
    # Faults strike whole processes, not one module.
    assert [f for f in folders if not (ROOT / f).is_dir()] == [Path("dsl/training/faults")]

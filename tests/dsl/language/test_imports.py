"""Users' own words, from their own modules."""

import sys
from pathlib import Path

import pytest

from dsl.language.configuration import ConfigError, load

pytestmark = pytest.mark.usefixtures("toy")

MODULE = '''
import equinox as eqx
from toy_vocabulary import Energy
from dsl import family



class Cubic(Energy):
    """Minus the cube of the distance."""

    scale: float = 1.0


family("energy", Cubic)
'''


def write(module, code, use="critic.Critic.energy = @energy.Cubic()\n"):
    Path("own").mkdir(exist_ok=True)
    Path(f"own/{module}.py").write_text(code)
    Path("own/x.gin").write_text(f"include '../good.gin'\nimport {module}\n{use}")


def problems_of(path="own/x.gin"):
    with pytest.raises(ConfigError) as found:
        load(path)
    return found.value.problems


def test_a_module_beside_the_gin_file_brings_its_words():
    write(
        "words_of_a", MODULE, "critic.Critic.energy = @energy.Cubic()\nenergy.Cubic.scale = 2.0\n"
    )
    configuration = load("own/x.gin")
    energy = configuration.build().critic.settings["energy"]
    assert (type(energy).__name__, energy.scale) == ("Cubic", 2.0)
    assert "\nimport words_of_a\n" in configuration.operative_text()


def test_a_module_is_imported_without_its_ending():
    write("words_of_c", MODULE)
    Path("own/x.gin").write_text("include '../good.gin'\nimport words_of_c.py\n")
    assert problems_of() == ["own/x.gin:2: modules are imported without .py: import words_of_c"]


def test_a_missing_module():
    write("words_of_b", MODULE)
    Path("own/x.gin").write_text("include '../good.gin'\nimport wrds_of_b\nEnergy.x = @a.b()\n")
    assert problems_of() == [
        "own/x.gin:2: there is no module 'wrds_of_b'. Put wrds_of_b.py beside this file, or run "
        "from its folder. Did you mean 'words_of_b'?"
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\nraise RuntimeError('no\\nway')\n", "RuntimeError: no way (words_of_c.py:2)"),
        (
            "import nowhere_to_be_found",
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (words_of_c.py:2)"),
        ("def f(:\n", "SyntaxError: "),
        (
            "from dsl import family\ndef f(a: int = 1): pass\nfamily('energy', f)\n",
            "WordError: energy.f needs a docstring: its first line is shown by --words. "
            "(words_of_c.py:3)",
        ),
    ],
)
def test_a_module_that_fails(code, said):
    write("words_of_c", code)
    (problem,) = problems_of()
    assert problem.startswith(f"own/x.gin:2: import words_of_c failed: {said}")


UNRESOLVABLE = '''
from __future__ import annotations
from typing import TYPE_CHECKING
from dsl import family
if TYPE_CHECKING:
    from toy_vocabulary import Energy

def cubic(scale: float = 1.0, inner: Energy | None = None):
    """Minus the cube of the distance."""

family("energy", cubic)
'''


def test_a_type_that_exists_for_type_checkers_alone_is_refused():
    write("words_of_f", UNRESOLVABLE)
    assert problems_of()[0] == (
        "own/x.gin:2: import words_of_f failed: WordError: energy.cubic: the type "
        "'Energy | None' of 'inner' in words_of_f.py cannot be resolved (name "
        "'Energy' is not defined). gin files are checked by it: import what it names "
        "outside of `if TYPE_CHECKING`. (words_of_f.py:11)"
    )


def test_a_module_that_hides_behind_another_of_its_name():
    write("json", MODULE)
    assert problems_of()[0].startswith("own/x.gin:2: Python has another module 'json' from ")


def test_dynamic_registration_is_no_part_of_the_language():
    Path("x.gin").write_text("from __gin__ import dynamic_registration\ninclude 'good.gin'\n")
    assert problems_of("x.gin") == [
        "x.gin:1: `from __gin__ import dynamic_registration` is not part of this language."
    ]


def test_nothing_is_imported_without_trust():
    write("words_of_e", "open('ran', 'w').close()\n", use="")
    with pytest.raises(ConfigError) as found:
        load("own/x.gin", trust=False)
    (problem,) = found.value.problems
    assert problem.startswith("own/x.gin:2: `import words_of_e` would run ")
    assert problem.endswith(
        "own/words_of_e.py. Nothing was run. If you trust its author, add --trust (in Python, "
        "trust=True)."
    )
    assert not Path("ran").exists()
    assert load("good.gin", trust=False).imports == []


def test_a_run_brings_copies_of_its_modules():
    write("words_of_g", MODULE)
    text = load("own/x.gin").operative_text()
    Path("run/words").mkdir(parents=True)
    Path("run/operative.gin").write_text(text)
    Path("run/words/words_of_g.py").write_text(MODULE)
    # The same code from another folder is the same module.
    assert [i.module for i in load("run/operative.gin").imports] == ["words_of_g"]
    Path("own/words_of_g.py").unlink()
    del sys.modules["words_of_g"]
    assert load("run/operative.gin").operative_text() == text
    assert sys.modules["words_of_g"].__file__.endswith("run/words/words_of_g.py")
    write("words_of_g", MODULE + "\n")
    assert "Python has another module 'words_of_g'" in problems_of("own/x.gin")[0]


def test_a_run_prefers_its_copies_to_modules_that_have_changed_since():
    write("words_of_h", MODULE)
    text = load("own/x.gin").operative_text()
    Path("run/words").mkdir(parents=True)
    Path("run/operative.gin").write_text(text)
    Path("run/words/words_of_h.py").write_text(MODULE)
    Path("own/words_of_h.py").write_text(MODULE.replace("1.0", "2.0"))
    assert str(Path("own").absolute()) in map(str, map(Path, sys.path))
    del sys.modules["words_of_h"]
    assert load("run/operative.gin").operative_text() == text
    assert sys.modules["words_of_h"].__file__.endswith("run/words/words_of_h.py")
    assert not sys.path[0].endswith("words")


def test_nothing_but_an_import_runs_code():
    Path("words_of_d.py").write_text("open('ran', 'w').close()\n")
    Path("x.gin").write_text(
        "include 'good.gin'\nExperiment.note = \"__import__('words_of_d')\"\n"
        "critic.Critic.energy = @words_of_d.open()\n"
    )
    problems_of("x.gin")
    assert not Path("ran").exists()


def test_a_name_is_no_module(problems):
    (problem,) = problems("from math import sqrt\n")
    assert problem == ("x.gin:2: math.sqrt is not a module. gin files import modules: import math")

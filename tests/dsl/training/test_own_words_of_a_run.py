"""A run with own words plays without the files that it was started with, if it is trusted."""

import os
import shutil
import subprocess
import sys

import pytest
from toy_runs import EXPERIMENT, ROOT, checkpoints, run, write_experiment

PLAY = """
import sys
import dsl
from dsl.errors import UsageError
try:
    policy = dsl.load_policy(sys.argv[1], trust=sys.argv[2] == "trust")
except UsageError as error:
    sys.exit(f"refused: {error}")
print(policy([0.0], [1.0]).shape, sys.modules["my_toy"].__file__)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a run whose own module is gone."""
    place = tmp_path_factory.mktemp("toy")
    module = place / "my_toy.py"
    module.write_text("from my_toy_parts import *\n")
    shutil.copy(ROOT / "tests" / "toy_words.py", place / "my_toy_parts.py")
    text = EXPERIMENT.replace("import toy_words", "import my_toy")
    file = write_experiment(place, text)
    assert run(file, place / "run", "TOTAL_ENV_STEPS=700", "Experiment.evaluations=1")[0] == 0
    module.unlink()
    (place / "my_toy_parts.py").unlink()
    assert checkpoints(place / "run")
    return place / "run"


def play(folder, trust, cwd):
    command = [sys.executable, "-c", PLAY, str(folder), trust]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_folder_keeps_copies_of_the_words(folder):
    names = sorted(path.name for path in (folder / "words").iterdir())
    assert names == ["my_toy.py", "my_toy_parts.py"]


def test_a_trusted_run_plays_from_anywhere(folder, tmp_path):
    done = play(folder, "trust", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(folder / "words" / "my_toy.py")


def test_reading_a_run_executes_none_of_its_code_unless_it_is_trusted(folder, tmp_path):
    stranger = shutil.copytree(folder, tmp_path / "stranger")
    (stranger / "words" / "my_toy.py").write_text("raise SystemExit('PAYLOAD RAN')\n")
    done = play(stranger, "no", tmp_path)
    assert "refused: " in done.stderr
    assert "`import my_toy` would run" in done.stderr
    assert "--trust" in done.stderr
    assert "PAYLOAD" not in done.stdout + done.stderr

"""The example of docs/notebook.md, run as it stands there but for its length."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from own_words import blocks

import dsl
from dsl.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
SHORT = {
    "num_envs=128": "num_envs=8, prefill_steps=10, unroll_length=10, updates_per_iteration=2",
    "batch_size=256": "batch_size=16, eval_episodes=2, film=False, trackers=()",
    "total_env_steps=1_200_000": "total_env_steps=400",
    "evaluations=18": "evaluations=2",
    "episode_length=150": "episode_length=10",
    "width=64": "width=8",
}


@pytest.mark.usefixtures("quickly_compiled")
def test_the_example_trains_resumes_and_gives_its_policy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("notebook.md", "python")
    for long, short in SHORT.items():
        assert long in code
        code = code.replace(long, short)
    names = {}
    exec(compile(code, "notebook", "exec"), names)
    folder, experiment = names["folder"], names["experiment"]
    record = (folder / "metrics.jsonl").read_text()
    assert len(record.splitlines()) == 3
    assert names["policy"]([0.0] * 4, [1.0] * 2).shape == (2,)
    assert dsl.run(experiment, folder) == folder  # finished already
    assert (folder / "metrics.jsonl").read_text() == record
    with pytest.raises(UsageError, match="was built in Python"):
        dsl.load_policy(folder)


def test_nothing_puts_the_command_in_the_place_of_the_function():
    for path in [*ROOT.glob("dsl/**/*.py"), *ROOT.glob("components/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert "dsl.run" not in [alias.name for alias in node.names], path
            elif isinstance(node, ast.ImportFrom):
                assert node.module != "dsl.run", path
    code = "import dsl, dsl.cli.main, dsl.training.single_job; print(dsl.run.__module__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == "dsl.training.python_run\n", found.stderr


def test_a_file_must_be_loaded_before_it_runs():
    with pytest.raises(UsageError, match=r"Write dsl\.run\(dsl\.load\('quickstart.gin'\)\)\."):
        dsl.run("quickstart.gin")  # pyright: ignore[reportArgumentType]
